// While a camera is being put up, uncovered pictures are for that purpose, from its beginning on.
import type { Camera, LookWish } from './api/client'
import type { Window } from './timeline/scale'

const LASTS_MS = 24 * 3_600_000

export function isCommissioning(camera: Camera | null, now: number): boolean {
  const until = camera?.commissioning_until
  return until != null && Date.parse(until) > now
}

/** What a look of this camera's page is for. */
export function purposeOf(camera: Camera | null, isRaw: boolean, now = Date.now()): LookWish['purpose'] {
  return isRaw && isCommissioning(camera, now) ? 'commissioning' : 'operation'
}

/** A span that begins no earlier than the commissioning, when it is looked at uncovered. */
export function clipped(span: Window, camera: Camera, isRaw: boolean, now = Date.now()): Window {
  const until = camera.commissioning_until
  if (!isRaw || until == null || !isCommissioning(camera, now)) return span
  const begun = Date.parse(until) - LASTS_MS
  return { start: Math.min(Math.max(span.start, begun), span.end - 1), end: span.end }
}
