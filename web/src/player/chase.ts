// Where a live player should be. Pure: what is buffered in, what to do out.

export interface Stretch {
  start: number
  end: number
}

export interface Standing {
  /** What is buffered, seconds, in order. */
  buffered: Stretch[]
  /** Where the player is, seconds. */
  at: number
  /** How long it has not moved, seconds. */
  stuck: number
}

export interface Step {
  /** Jump here. */
  seek?: number
  rate: number
  /** Drop everything buffered before this. */
  trim?: number
}

/** Behind the edge by this at most before the player runs a little faster. */
export const EDGE_S = 1.5
/** Behind by more than this: jump instead of running. */
export const JUMP_S = 4
/** A jump lands this far behind the edge, so that the next piece comes in time. */
export const LAND_S = 0.6
const CALM_S = 0.8
const FASTER = 1.08
const STUCK_S = 1.5
const KEEP_S = 15
const TRIM_WHEN_S = 30

export function step(now: Standing): Step {
  const last = now.buffered.at(-1)
  const first = now.buffered[0]
  if (last === undefined || first === undefined) return { rate: 1 }
  const behind = last.end - now.at
  const landing = Math.max(last.start, last.end - LAND_S)
  const isOutside = now.at < last.start - 0.1 || now.at > last.end + 0.5
  const next: Step = { rate: rateFor(behind) }
  if (isOutside || behind > JUMP_S || (now.stuck > STUCK_S && behind > LAND_S)) {
    next.seek = landing
    next.rate = 1
  }
  if (now.at - first.start > TRIM_WHEN_S) next.trim = now.at - KEEP_S
  return next
}

function rateFor(behind: number): number {
  if (behind > EDGE_S) return FASTER
  return behind < CALM_S ? 1 : 1.02
}
