// Recorded footage through hls.js: a look's span as one playlist, across gaps.
import Hls from 'hls.js/light'

import { LOOK_HEADER, type Look } from '../api/client'

export interface Piece {
  /** Seconds in the playlist. */
  start: number
  length: number
  /** Wall clock, ms. */
  at: number
}

/** The playlist's second that shows a moment; the next footage when there is a gap. Pure. */
export function secondOf(pieces: Piece[], atMs: number): number {
  for (const piece of pieces) {
    const endMs = piece.at + piece.length * 1000
    if (atMs < endMs) return piece.start + Math.max(0, (atMs - piece.at) / 1000)
  }
  const last = pieces.at(-1)
  return last === undefined ? 0 : last.start + Math.max(0, last.length - 0.1)
}

/** The moment (ms) that a playlist's second shows; null before anything is known. Pure. */
export function momentOf(pieces: Piece[], second: number): number | null {
  let best: Piece | null = null
  for (const piece of pieces) {
    if (piece.start > second + 0.001) break
    best = piece
  }
  best ??= pieces[0] ?? null
  if (best === null) return null
  return best.at + Math.min(Math.max(0, second - best.start), best.length) * 1000
}

export class RecordedPlayer {
  private readonly hls: Hls
  private pieces: Piece[] = []
  private hasStarted = false

  constructor(
    private readonly video: HTMLVideoElement,
    look: Look,
    camera: string,
    private wantedMs: number,
    private readonly onEnd: (because: 'over' | 'failed') => void,
  ) {
    this.hls = new Hls({
      autoStartLoad: false,
      enableWorker: false,
      maxBufferLength: 12,
      maxMaxBufferLength: 30,
      backBufferLength: 30,
      // A covered part is rendered when it is asked for; a busy machine may take its time.
      fragLoadPolicy: {
        default: {
          maxTimeToFirstByteMs: 25_000,
          maxLoadTimeMs: 60_000,
          timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 },
          errorRetry: { maxNumRetry: 5, retryDelayMs: 1_000, maxRetryDelayMs: 8_000 },
        },
      },
      // Parts come in pieces as they are covered: the first picture needn't wait for the last.
      progressive: true,
      fetchSetup: (context, init: RequestInit) => {
        const headers = new Headers(init.headers)
        headers.set(LOOK_HEADER, look.token)
        return new Request(context.url, { ...init, headers })
      },
    })
    this.hls.on(Hls.Events.LEVEL_LOADED, (_, data) => {
      this.pieces = data.details.fragments.map((part) => ({
        start: part.start,
        length: part.duration,
        at: part.programDateTime ?? 0,
      }))
      if (!this.hasStarted) {
        this.hasStarted = true
        const second = secondOf(this.pieces, this.wantedMs)
        this.hls.startLoad(second)
        this.video.currentTime = second
        void this.video.play().catch(() => undefined)
      }
    })
    this.hls.on(Hls.Events.ERROR, (_, data) => {
      if (!data.fatal) return
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR) this.hls.recoverMediaError()
      else this.onEnd('failed')
    })
    this.video.addEventListener('ended', this.over)
    this.hls.loadSource(`/api/v1/looks/${look.id}/hls/${camera}/index.m3u8`)
    this.hls.attachMedia(video)
  }

  static isPossible(): boolean {
    return Hls.isSupported()
  }

  /** The moment shown, ms; null before the first picture. */
  get moment(): number | null {
    return this.hasStarted ? momentOf(this.pieces, this.video.currentTime) : null
  }

  /** Go to a moment of the same span. */
  seek(atMs: number): void {
    this.wantedMs = atMs
    if (this.hasStarted) this.video.currentTime = secondOf(this.pieces, atMs)
  }

  stop(): void {
    this.video.removeEventListener('ended', this.over)
    this.hls.destroy()
  }

  private readonly over = () => this.onEnd('over')
}
