// A live picture: WebSocket pieces into Media Source Extensions, kept near the live edge.
import type { Cover, Look, Schemas } from '../api/client'
import { step, type Stretch } from './chase'

type Header = Schemas['LiveHeader'] | Schemas['LiveEnd']

export type LiveState = 'starting' | 'playing' | 'waiting' | 'paused' | 'ended'

export interface LiveNews {
  state: LiveState
  cover: Cover | null
  /** The moment of the newest piece. */
  newest: string | null
  dropped: number
  /** Why it ended or waits, in the server's words. */
  because: string
}

const QUEUE_MAX = 200
const TICK_MS = 250
const SILENT_S = 8
const HIDDEN_MS = 15_000
const AGAIN_MS_FIRST = 500
const AGAIN_MS_MAX = 15_000

interface WithManaged {
  ManagedMediaSource?: typeof MediaSource
}

function mediaSourceKind(): typeof MediaSource | undefined {
  return (window as WithManaged).ManagedMediaSource ?? window.MediaSource
}

export class LivePlayer {
  private socket: WebSocket | null = null
  private media: MediaSource | null = null
  private buffer: SourceBuffer | null = null
  private url = ''
  private queue: ArrayBuffer[] = []
  private header: Schemas['LiveHeader'] | null = null
  private news: LiveNews = {
    state: 'starting',
    cover: null,
    newest: null,
    dropped: 0,
    because: '',
  }
  private ticker = 0
  private again = 0
  private newestAt = 0
  private againMs = AGAIN_MS_FIRST
  private hideTimer = 0
  private lastAt = -1
  private stuckSince = performance.now()
  private heardAt = performance.now()
  private isStopped = false

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly camera: string,
    private look: Look,
    private readonly tell: (news: LiveNews) => void,
    /** Asked for when the server says that the look is over or unknown. */
    private readonly askNewLook: () => void,
  ) {}

  start(): void {
    document.addEventListener('visibilitychange', this.onVisibility)
    this.ticker = window.setInterval(() => this.tick(), TICK_MS)
    this.connect()
  }

  stop(): void {
    this.isStopped = true
    document.removeEventListener('visibilitychange', this.onVisibility)
    window.clearInterval(this.ticker)
    window.clearTimeout(this.again)
    window.clearTimeout(this.hideTimer)
    this.disconnect()
    this.dropMedia()
  }

  /** A renewed look keeps the running socket; a new one is used for the next. */
  useLook(look: Look): void {
    const isNew = look.id !== this.look.id
    this.look = look
    if (isNew && this.news.state !== 'paused') this.connect()
  }

  /** The moment of the picture on the screen, in ms; null before the first. */
  shownAt(): number | null {
    const ranges = this.buffer?.buffered
    if (this.newestAt === 0 || ranges === undefined || ranges.length === 0) return null
    return this.newestAt - (ranges.end(ranges.length - 1) - this.video.currentTime) * 1000
  }

  private say(change: Partial<LiveNews>): void {
    this.news = { ...this.news, ...change }
    this.tell(this.news)
  }

  private connect(): void {
    window.clearTimeout(this.again)
    this.disconnect()
    if (this.isStopped) return
    this.heardAt = performance.now()
    const scheme = window.location.protocol === 'https:' ? 'wss:' : 'ws:'
    const path = `/api/v1/looks/${this.look.id}/live/${this.camera}`
    const socket = new WebSocket(`${scheme}//${window.location.host}${path}`)
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => socket.send(JSON.stringify({ token: this.look.token }))
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.heard(event.data)
    socket.onclose = () => {
      if (this.socket === socket) this.lost()
    }
    this.socket = socket
  }

  private disconnect(): void {
    const socket = this.socket
    this.socket = null
    this.header = null
    socket?.close()
  }

  private lost(): void {
    this.socket = null
    if (this.isStopped || this.news.state === 'paused') return
    if (this.news.state !== 'ended') this.say({ state: 'waiting' })
    this.tryAgainLater(() => this.connect())
  }

  private tryAgainLater(what: () => void): void {
    window.clearTimeout(this.again)
    this.again = window.setTimeout(what, this.againMs)
    this.againMs = Math.min(this.againMs * 2, AGAIN_MS_MAX)
  }

  private heard(data: string | ArrayBuffer): void {
    this.heardAt = performance.now()
    if (typeof data === 'string') {
      const header = JSON.parse(data) as Header
      if (header.type === 'end') this.ended(header)
      else this.header = header as Schemas['LiveHeader']
      return
    }
    const header = this.header
    this.header = null
    if (header === null) return
    if (header.type === 'init') this.startMedia(header.codec, data)
    else this.take(data)
    if (header.type === 'fragment') this.newestAt = Date.parse(header.at)
    const dropped = this.news.dropped + header.dropped
    this.say({ cover: header.cover, newest: header.at, dropped, because: '' })
  }

  private ended(end: Schemas['LiveEnd']): void {
    this.socket?.close()
    this.socket = null
    if (end.error === null || end.error === 'not_found') {
      this.tryAgainLater(() => this.askNewLook())
    } else {
      this.tryAgainLater(() => this.connect())
    }
    this.say({ state: end.error === null ? 'waiting' : 'ended', because: end.message })
  }

  private startMedia(codec: string, init: ArrayBuffer): void {
    const Kind = mediaSourceKind()
    const type = `video/mp4; codecs="${codec}"`
    if (Kind === undefined || !Kind.isTypeSupported(type)) {
      this.say({ state: 'ended', because: `this browser does not play ${codec}` })
      this.disconnect()
      return
    }
    this.dropMedia()
    const media = new Kind()
    this.media = media
    this.queue = [init]
    this.url = URL.createObjectURL(media)
    this.video.disableRemotePlayback = true
    this.video.src = this.url
    media.addEventListener('sourceopen', () => {
      if (this.media !== media || media.sourceBuffers.length > 0) return
      this.buffer = media.addSourceBuffer(type)
      this.buffer.addEventListener('updateend', () => this.pump())
      this.pump()
    })
  }

  private dropMedia(): void {
    this.queue = []
    this.buffer = null
    this.media = null
    if (this.url !== '') URL.revokeObjectURL(this.url)
    this.url = ''
    this.lastAt = -1
  }

  private take(data: ArrayBuffer): void {
    this.againMs = AGAIN_MS_FIRST
    this.queue.push(data)
    if (this.queue.length > QUEUE_MAX) this.connect()
    else this.pump()
  }

  private pump(): void {
    const buffer = this.buffer
    const isReady = this.media?.readyState === 'open' && buffer !== null && !buffer.updating
    if (!isReady || this.queue.length === 0) return
    const next = this.queue.shift()
    if (next === undefined) return
    try {
      buffer.appendBuffer(next)
    } catch (error) {
      if (error instanceof DOMException && error.name === 'QuotaExceededError') {
        this.queue.unshift(next)
        buffer.remove(0, Math.max(0.1, this.video.currentTime - 1))
      } else {
        this.connect()
      }
    }
  }

  private stretches(): Stretch[] {
    const ranges = this.buffer?.buffered
    if (ranges === undefined) return []
    return Array.from({ length: ranges.length }, (_, place) => ({
      start: ranges.start(place),
      end: ranges.end(place),
    }))
  }

  private tick(): void {
    if (this.news.state === 'paused' || this.isStopped) return
    this.reconnectWhenSilent()
    if (this.media?.readyState !== 'open' || this.buffer === null) return
    const now = performance.now()
    const at = this.video.currentTime
    if (at !== this.lastAt) {
      this.lastAt = at
      this.stuckSince = now
    }
    const stuck = (now - this.stuckSince) / 1000
    const next = step({ buffered: this.stretches(), at, stuck })
    if (next.seek !== undefined) this.video.currentTime = next.seek
    if (this.video.playbackRate !== next.rate) this.video.playbackRate = next.rate
    if (next.trim !== undefined && !this.buffer.updating) this.buffer.remove(0, next.trim)
    if (this.video.paused && this.video.readyState >= 2) void this.play()
    const isMoving = stuck < 1 && !this.video.paused && this.video.readyState >= 2
    const state = isMoving ? 'playing' : this.news.newest === null ? 'starting' : 'waiting'
    if (state !== this.news.state && this.news.state !== 'ended') this.say({ state })
    if (isMoving && this.news.state === 'ended') this.say({ state: 'playing', because: '' })
  }

  private async play(): Promise<void> {
    try {
      await this.video.play()
    } catch {
      // A browser may refuse until somebody touches the page; the next tick tries again.
    }
  }

  private reconnectWhenSilent(): void {
    const silent = (performance.now() - this.heardAt) / 1000
    if (this.socket !== null && silent > SILENT_S) {
      this.say({ state: 'waiting' })
      this.connect()
    }
  }

  private readonly onVisibility = () => {
    window.clearTimeout(this.hideTimer)
    if (document.visibilityState === 'hidden') {
      this.hideTimer = window.setTimeout(() => {
        this.say({ state: 'paused' })
        this.disconnect()
      }, HIDDEN_MS)
    } else if (this.news.state === 'paused') {
      this.say({ state: 'starting' })
      this.againMs = AGAIN_MS_FIRST
      this.connect()
    }
  }
}
