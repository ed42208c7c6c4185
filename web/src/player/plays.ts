// What this browser plays, so that the server encodes anew only what it does not.

interface Kinds {
  ManagedMediaSource?: Pick<typeof MediaSource, 'isTypeSupported'>
  MediaSource?: Pick<typeof MediaSource, 'isTypeSupported'>
}

/** H.265 Main, level 5: what cameras send. */
const HEVC = 'video/mp4; codecs="hvc1.1.6.L150.B0"'

/** Whether H.265 can be handed over as the camera sent it. */
export function playsHevc(kinds: Kinds = window as Kinds): boolean {
  const kind = kinds.ManagedMediaSource ?? kinds.MediaSource
  return kind !== undefined && kind.isTypeSupported(HEVC)
}
