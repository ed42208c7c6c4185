// What is wrong, sorted and gathered for a page.
import { api, told, type Schemas } from '../api/client'

export type Condition = Schemas['ConditionAnswer']
export type Severity = Condition['severity']

/** Troubles of one kind that many cameras share are shown as one. */
export interface Group {
  kind: string
  severity: Severity
  since: string
  members: Condition[]
}

const RANKS: Record<Severity, number> = { severe: 0, warning: 1, note: 2 }
const GATHERED = 4

/** Those that go on: the worst first, then the oldest; four and more of one kind are one group. */
export function groups(conditions: Condition[]): Group[] {
  const going = conditions.filter((one) => one.until === null)
  const counts = new Map<string, number>()
  for (const one of going) counts.set(one.kind, (counts.get(one.kind) ?? 0) + 1)
  const found = new Map<string, Group>()
  for (const one of going) {
    const isGathered = (counts.get(one.kind) ?? 0) >= GATHERED
    const name = isGathered ? one.kind : `${one.kind} ${one.camera ?? ''} ${one.part}`
    const group = found.get(name)
    if (group === undefined) {
      found.set(name, { kind: one.kind, severity: one.severity, since: one.since, members: [one] })
    } else {
      group.members.push(one)
      if (one.since < group.since) group.since = one.since
    }
  }
  return [...found.values()].sort(
    (a, b) => RANKS[a.severity] - RANKS[b.severity] || a.since.localeCompare(b.since),
  )
}

export const over = (conditions: Condition[]): Condition[] => conditions.filter((one) => one.until !== null)

/** What is wrong with one camera now; nothing for whoever may not know. */
export async function conditionsOf(camera: string): Promise<Condition[]> {
  try {
    const found = await told(api.GET('/api/v1/health/conditions'))
    return found.filter((one) => one.camera === camera && one.until === null)
  } catch {
    return []
  }
}

/** A duration in one or two units: 42 s, 7 min, 3 h 5 min, 2 days. */
export function spanText(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  if (s < 120) return `${s} s`
  const minutes = Math.floor(s / 60)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 || hours >= 10 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} days`
}

/** Bytes as disks are sold: powers of ten. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = bytes
  let place = 0
  while (value >= 1000 && place < units.length - 1) {
    value /= 1000
    place += 1
  }
  return `${value < 10 && place > 0 ? value.toFixed(1) : Math.round(value)} ${units[place]}`
}
