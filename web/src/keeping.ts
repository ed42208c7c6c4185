// How a camera is kept: as the form has it, as the API has it, and in words.
import type { Camera, Schemas } from './api/client'
import { t } from './messages'

export type Keeping = Schemas['KeepingModel']

/** What the form's fields hold. A field that its mode does not ask for keeps what it held. */
export interface KeepingDraft {
  mode: Keeping['mode']
  isOnMotion: boolean
  isOnRule: boolean
  preRollS: number
  postRollS: number
  hours: string
  zone: string
  which: 'both' | 'main' | 'sub'
  /** Empty: no limit but retention. */
  gigabytes: string | number
  disk: string
}

export function draftOf(keeping: Keeping | null, hasSub: boolean): KeepingDraft {
  const streams = keeping?.streams ?? []
  return {
    mode: keeping?.mode ?? 'continuous',
    isOnMotion: keeping?.triggers?.includes('motion') ?? true,
    isOnRule: keeping?.triggers?.includes('rule') ?? false,
    preRollS: keeping?.pre_roll_s ?? 5,
    postRollS: keeping?.post_roll_s ?? 10,
    hours: keeping?.hours || t.keeping.hoursExample,
    zone: keeping?.mode === 'schedule' ? (keeping.zone ?? 'UTC') : ownZone(),
    which: hasSub && streams.length === 1 ? (streams[0] ?? 'both') : 'both',
    gigabytes: keeping?.keep_gb_max ?? '',
    disk: keeping?.disk ?? '',
  }
}

/** Only what its mode asks for is sent; the rest is as the server has it when nothing is said. */
export function keepingOf(draft: KeepingDraft, hasSub: boolean): Keeping {
  const triggers: Keeping['triggers'] = []
  if (draft.isOnMotion) triggers.push('motion')
  if (draft.isOnRule) triggers.push('rule')
  const isByEvents = draft.mode === 'events'
  const isByHours = draft.mode === 'schedule'
  return {
    mode: draft.mode,
    triggers: isByEvents ? triggers : ['motion'],
    pre_roll_s: isByEvents ? draft.preRollS : 5,
    post_roll_s: isByEvents ? draft.postRollS : 10,
    hours: isByHours ? draft.hours : '',
    zone: isByHours ? draft.zone : 'UTC',
    streams: hasSub && draft.which !== 'both' ? [draft.which] : [],
    keep_gb_max: draft.gigabytes === '' ? null : Number(draft.gigabytes),
    disk: draft.disk === '' ? null : draft.disk,
  }
}

/** When it is kept, in words. */
export function whenText(keeping: Keeping): string {
  if (keeping.mode === 'events') {
    const names = (keeping.triggers ?? []).map((one) => t.keeping.triggerNames[one])
    return t.keeping.eventsText(names.join(t.keeping.or), keeping.pre_roll_s ?? 5, keeping.post_roll_s ?? 10)
  }
  if (keeping.mode === 'schedule') return t.keeping.hoursText(keeping.hours ?? '', keeping.zone ?? 'UTC')
  return t.keeping.alwaysText
}

/** Whether its pictures come now, kept or not. */
export function isThere(camera: Camera): boolean {
  return camera.health === 'recording' || camera.health === 'resting'
}

/** A gap that somebody asked for; every other one is a fault. */
export function isPlanned(because: string | null): boolean {
  return because === 'no_event' || because === 'not_scheduled'
}

export function zones(): string[] {
  const known = Intl.supportedValuesOf('timeZone')
  return known.includes('UTC') ? known : ['UTC', ...known]
}

function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'
}
