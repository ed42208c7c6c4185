// Boxes over a live picture: a WebSocket of sights, kept for some seconds, asked by moment.
import type { Look, Schemas } from '../api/client'

export type Box = Schemas['SightBoxModel']
type Message = Schemas['SightMessage'] | Schemas['LiveEnd']

export interface Seen {
  at: number
  boxes: Box[]
}

const KEPT = 120
/** A box not seen again for this long is not drawn: nothing is known of it. */
const STALE_MS = 1_500
const AGAIN_MS_FIRST = 1_000
const AGAIN_MS_MAX = 20_000

/** The boxes at a moment, between the two sights around it. Pure. */
export function boxesAt(seen: Seen[], at: number): Box[] {
  let after = seen.findIndex((one) => one.at >= at)
  if (after === -1) after = seen.length
  const before = seen[after - 1]
  const next = seen[after]
  if (before === undefined) return next !== undefined && next.at - at < STALE_MS ? next.boxes : []
  if (at - before.at > STALE_MS) return []
  if (next === undefined || next.at - before.at > STALE_MS) return before.boxes
  const share = (at - before.at) / Math.max(1, next.at - before.at)
  const later = new Map(next.boxes.map((box) => [box.id, box]))
  return before.boxes.map((box) => {
    const to = later.get(box.id)
    return to === undefined ? box : { ...box, box_unit: mixed(box.box_unit, to.box_unit, share) }
  })
}

function mixed(from: Box['box_unit'], to: Box['box_unit'], share: number): Box['box_unit'] {
  return from.map((value, place) => value + ((to[place] ?? value) - value) * share) as Box['box_unit']
}

export class Sights {
  readonly seen: Seen[] = []
  private socket: WebSocket | null = null
  private again = 0
  private againMs = AGAIN_MS_FIRST
  private isStopped = false

  constructor(
    private readonly camera: string,
    private look: Look,
  ) {}

  start(): void {
    this.connect()
  }

  stop(): void {
    this.isStopped = true
    window.clearTimeout(this.again)
    this.socket?.close()
    this.socket = null
  }

  useLook(look: Look): void {
    const isNew = look.id !== this.look.id
    this.look = look
    if (isNew) this.connect()
  }

  private connect(): void {
    window.clearTimeout(this.again)
    this.socket?.close()
    if (this.isStopped) return
    const scheme = window.location.protocol === 'https:' ? 'wss:' : 'ws:'
    const path = `/api/v1/looks/${this.look.id}/sights/${this.camera}`
    const socket = new WebSocket(`${scheme}//${window.location.host}${path}`)
    socket.onopen = () => socket.send(JSON.stringify({ token: this.look.token }))
    socket.onmessage = (event: MessageEvent<string>) => this.heard(event.data)
    socket.onclose = () => {
      if (this.socket === socket) this.later()
    }
    this.socket = socket
  }

  private heard(data: string): void {
    const message = JSON.parse(data) as Message
    if (message.type !== 'sight') return
    this.againMs = AGAIN_MS_FIRST
    this.seen.push({ at: Date.parse(message.at), boxes: message.boxes })
    if (this.seen.length > KEPT) this.seen.splice(0, this.seen.length - KEPT)
  }

  /** Not analysed yet, or the analyser is starting again: ask now and then. */
  private later(): void {
    this.socket = null
    if (this.isStopped) return
    this.again = window.setTimeout(() => this.connect(), this.againMs)
    this.againMs = Math.min(this.againMs * 2, AGAIN_MS_MAX)
  }
}
