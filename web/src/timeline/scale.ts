// The timeline's arithmetic. Pure: milliseconds and pixels.

export interface Window {
  start: number
  end: number
}

export interface Mark extends Window {
  because: string | null
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
export const NARROWEST = 4 * MINUTE

const STEPS = [
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR,
]

export function toX(at: number, shown: Window, width: number): number {
  return ((at - shown.start) / (shown.end - shown.start)) * width
}

export function toTime(x: number, shown: Window, width: number): number {
  const part = Math.min(1, Math.max(0, x / Math.max(1, width)))
  return shown.start + part * (shown.end - shown.start)
}

/** Zoomed about a moment that keeps its place, inside the day. factor < 1 shows less. */
export function zoomed(shown: Window, about: number, factor: number, day: Window): Window {
  const now = shown.end - shown.start
  const length = Math.min(day.end - day.start, Math.max(NARROWEST, now * factor))
  const part = (about - shown.start) / now
  return inside({ start: about - part * length, end: about + (1 - part) * length }, day)
}

export function moved(shown: Window, by: number, day: Window): Window {
  return inside({ start: shown.start + by, end: shown.end + by }, day)
}

function inside(shown: Window, day: Window): Window {
  const length = shown.end - shown.start
  const start = Math.min(Math.max(shown.start, day.start), day.end - length)
  return { start, end: start + length }
}

/** Round local times for labels, about one every `apart` pixels. */
export function ticks(shown: Window, width: number, apart = 84): number[] {
  const most = Math.max(1, Math.floor(width / apart))
  const length = shown.end - shown.start
  const every = STEPS.find((one) => length / one <= most) ?? DAY
  const zone = new Date(shown.start).getTimezoneOffset() * MINUTE
  const first = Math.ceil((shown.start - zone) / every) * every + zone
  const found: number[] = []
  for (let at = first; at <= shown.end; at += every) found.push(at)
  return found
}

/** What lies at a moment. Footage within `reach` ms counts, so that a thumb can hit it. */
export function atMoment(
  footage: Window[], gaps: Mark[], at: number, reach: number,
): { at: number; kind: 'footage' | 'gap' | 'nothing'; because: string | null } {
  const hit = footage.find((one) => one.start <= at && at < one.end)
  if (hit !== undefined) return { at, kind: 'footage', because: null }
  let nearest: { at: number; far: number } | null = null
  for (const one of footage) {
    const edge = at < one.start ? one.start : one.end - 1
    const far = Math.abs(edge - at)
    if (far <= reach && (nearest === null || far < nearest.far)) nearest = { at: edge, far }
  }
  if (nearest !== null) return { at: nearest.at, kind: 'footage', because: null }
  const gap = gaps.find((one) => one.start <= at && at < one.end)
  if (gap !== undefined) return { at, kind: 'gap', because: gap.because }
  return { at, kind: 'nothing', because: null }
}

/** The look for playing from a moment: at most an hour, a little before, never past now. */
export function spanAround(at: number, now: number): Window {
  const start = at - 10 * MINUTE
  return { start, end: Math.max(Math.min(start + HOUR, now), start + 1000) }
}
