// Thumbnails under the pointer: one look per camera-day, one request at a time, a few kept.
import { ApiError, type Look } from '../api/client'
import { closeLook, openLook, pictureOf } from '../looks'
import { DAY } from './scale'

const KEPT_MAX = 240
const WIDTH_PX = 192
const ROUND_MS = 4_000
const RETRY_MS = 60_000

export class Thumbnails {
  private readonly strips = new Map<number, { look: Promise<Look>; until: number }>()
  private readonly kept = new Map<number, string>()
  private readonly refusedAt = new Map<number, number>()
  private running: AbortController | null = null

  constructor(
    private readonly camera: string,
    private readonly isRaw: boolean,
  ) {}

  /** An address for <img>, or null when there is none or a later wish overtook this one. */
  async at(moment: number): Promise<string | null> {
    const rounded = Math.floor(moment / ROUND_MS) * ROUND_MS
    const known = this.kept.get(rounded)
    if (known !== undefined) return known
    this.running?.abort()
    const mine = new AbortController()
    this.running = mine
    try {
      const look = await this.strip(moment)
      if (look === null || mine.signal.aborted) return null
      const blob = await pictureOf(look, this.camera, new Date(moment), WIDTH_PX, mine.signal)
      return this.keep(rounded, URL.createObjectURL(blob))
    } catch (error) {
      if (error instanceof ApiError) this.forget(moment)
      return null
    }
  }

  stop(): void {
    this.running?.abort()
    for (const { look } of this.strips.values()) void look.then(closeLook, () => undefined)
    for (const url of this.kept.values()) URL.revokeObjectURL(url)
    this.strips.clear()
    this.kept.clear()
  }

  private keep(moment: number, url: string): string {
    this.kept.set(moment, url)
    for (const [oldest, address] of this.kept) {
      if (this.kept.size <= KEPT_MAX) break
      this.kept.delete(oldest)
      URL.revokeObjectURL(address)
    }
    return url
  }

  private async strip(moment: number): Promise<Look | null> {
    const day = Math.floor(moment / DAY) * DAY
    const known = this.strips.get(day)
    if (known !== undefined && moment < known.until) return known.look
    const refused = this.refusedAt.get(day)
    if (refused !== undefined && Date.now() - refused < RETRY_MS) return null
    const until = Math.min(day + DAY, Date.now())
    if (known !== undefined) void known.look.then(closeLook, () => undefined)
    const look = openLook({
      cameras: [this.camera],
      rendition: this.isRaw ? 'raw' : 'covered',
      purpose: 'operation',
      span: { start: new Date(day).toISOString(), end: new Date(until).toISOString() },
      is_strip: true,
      note: '',
    })
    this.strips.set(day, { look, until })
    return look
  }

  private forget(moment: number): void {
    const day = Math.floor(moment / DAY) * DAY
    this.strips.delete(day)
    this.refusedAt.set(day, Date.now())
  }
}
