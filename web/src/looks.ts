// A look, kept open while somebody looks: opened, renewed before it ends, closed on leaving.
import { playsHevc } from './player/plays'
import { api, LOOK_HEADER, lookHeader, told, type Look, type LookWish } from './api/client'

const RENEW_BEFORE_MS = 60_000
const SOONEST_MS = 5_000

/** What is looked at in this tab; closed when the tab is left. */
const watched = new Map<string, Look>()

window.addEventListener('pagehide', () => {
  for (const look of [...watched.values()]) closeLook(look)
})

/** A download outlives its page, so an export's look is not tied to the tab; it runs out. */
export async function openLook(
  wish: LookWish,
  isDownload = wish.purpose === 'export',
): Promise<Look> {
  const body = { ...wish, plays_hevc: playsHevc() }
  const look = await told(api.POST('/api/v1/looks', { body }))
  if (!isDownload) watched.set(look.id, look)
  return look
}

/** Safe to repeat, and while the page is being left. */
export function closeLook(look: Look): void {
  watched.delete(look.id)
  void fetch(`/api/v1/looks/${look.id}`, {
    method: 'DELETE',
    keepalive: true,
    headers: { [LOOK_HEADER]: look.token },
  }).catch(() => undefined)
}

export async function pictureOf(
  look: Look,
  camera: string,
  at: Date,
  width_px: number,
  signal?: AbortSignal,
): Promise<Blob> {
  return told(
    api.GET('/api/v1/looks/{look}/pictures/{camera}', {
      params: {
        path: { look: look.id, camera },
        query: { at: at.toISOString(), width_px },
        header: lookHeader(look.token),
      },
      parseAs: 'blob',
      ...(signal === undefined ? {} : { signal }),
    }),
  ) as Promise<Blob>
}

/** A live look that renews itself until `stop`. `onChange` hears every new token or end. */
export class LookKeeper {
  private look: Look | null = null
  private timer = 0
  private isStopped = false

  constructor(
    private readonly wish: LookWish,
    private readonly onChange: (look: Look | null, error: unknown) => void,
  ) {}

  async start(): Promise<void> {
    await this.open()
  }

  stop(): void {
    this.isStopped = true
    window.clearTimeout(this.timer)
    if (this.look !== null) closeLook(this.look)
    this.look = null
  }

  /** The look was refused or is over: open a fresh one. */
  async reopen(): Promise<void> {
    window.clearTimeout(this.timer)
    await this.open()
  }

  private async open(): Promise<void> {
    try {
      const look = await openLook(this.wish)
      if (this.isStopped) closeLook(look)
      else this.take(look)
    } catch (error) {
      if (!this.isStopped) this.onChange(null, error)
    }
  }

  private take(look: Look): void {
    this.look = look
    this.onChange(look, null)
    const left = Date.parse(look.expires_at) - Date.now() - RENEW_BEFORE_MS
    this.timer = window.setTimeout(() => void this.renew(), Math.max(SOONEST_MS, left))
  }

  private async renew(): Promise<void> {
    const look = this.look
    if (look === null || this.isStopped) return
    try {
      const renewed = await told(
        api.POST('/api/v1/looks/{look}/renew', {
          params: { path: { look: look.id }, header: lookHeader(look.token) },
        }),
      )
      if (!this.isStopped) this.take(renewed)
    } catch {
      if (!this.isStopped) await this.open()
    }
  }
}
