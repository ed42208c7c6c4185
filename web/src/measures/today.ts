// Counts and speeds of a day, put together per line. Pure.
import type { Schemas } from '../api/client'

export type Count = Schemas['CountAnswer']
export type Speed = Schemas['SpeedAnswer']

export interface Bar {
  start: number
  end: number
  /** null: not looked at, or a small number of people, which is not said. */
  n: number | null
  low: number | null
  high: number | null
  observed: number
  isFew: boolean
}

export interface Way {
  place: string
  direction: Count['direction']
  /** null: only small numbers of people, which are not said, or nothing looked at. */
  n: number | null
  low: number | null
  high: number | null
  /** Whether some part is a small number of people that is not said. */
  hasFew: boolean
  observed: number
  kinds: { kind: Count['kind']; n: number | null }[]
  bars: Bar[]
}

export interface SpeedOfLine {
  place: string
  n: number
  median_kmh: number
  low_kmh: number
  high_kmh: number
  p85_kmh: number | null
}

function sum(values: (number | null)[]): number | null {
  let total = 0
  for (const value of values) {
    if (value === null) return null
    total += value
  }
  return total
}

/** One way over one line (or one flow), all classes together. */
export function ways(counts: Count[], now: number = Date.now()): Way[] {
  const groups = new Map<string, Count[]>()
  for (const count of counts) {
    const key = `${count.place}\u0000${count.direction ?? ''}`
    groups.set(key, [...(groups.get(key) ?? []), count])
  }
  return [...groups.values()].map((one) => wayOf(one, now)).sort((a, b) => keyOf(a).localeCompare(keyOf(b)))
}

const keyOf = (way: Way) => `${way.place} ${way.direction === 'forward' ? 0 : 1}`

function wayOf(counts: Count[], now: number): Way {
  const first = counts[0] as Count
  const bars = barsOf(counts)
  const looked = counts.filter((one) => one.observed_frac > 0 && !one.is_few)
  const kinds = new Map<Count['kind'], (number | null)[]>()
  for (const one of counts) kinds.set(one.kind, [...(kinds.get(one.kind) ?? []), one.is_few ? null : one.n])
  return {
    place: first.place,
    direction: first.direction,
    n: looked.length === 0 ? null : looked.reduce((total, one) => total + (one.n ?? 0), 0),
    low: looked.length === 0 ? null : sum(looked.map((one) => one.low)),
    high: looked.length === 0 ? null : sum(looked.map((one) => one.high)),
    hasFew: counts.some((one) => one.is_few),
    observed: observedOf(bars, now),
    kinds: [...kinds]
      .map(([kind, values]) => {
        const known = values.filter((value) => value !== null)
        return { kind, n: known.length === 0 ? null : known.reduce((total, value) => total + value, 0) }
      })
      .filter((one) => one.n !== 0),
    bars,
  }
}

/** Of the time that has passed: a bin under way can't have been looked at to its end. */
function observedOf(bars: Bar[], now: number): number {
  const passed = bars.reduce((total, bar) => total + Math.max(1, Math.min(bar.end, now) - bar.start), 0)
  const looked = bars.reduce((total, bar) => total + bar.observed * (bar.end - bar.start), 0)
  return passed === 0 ? 0 : Math.min(1, looked / passed)
}

function barsOf(counts: Count[]): Bar[] {
  const bins = new Map<string, Count[]>()
  for (const one of counts) bins.set(one.start, [...(bins.get(one.start) ?? []), one])
  return [...bins.entries()]
    .map(([start, inside]) => {
      const said = inside.filter((one) => !one.is_few)
      return {
        start: Date.parse(start),
        end: Date.parse((inside[0] as Count).end),
        n: said.length === 0 ? null : sum(said.map((one) => one.n)),
        low: sum(said.map((one) => one.low)),
        high: sum(said.map((one) => one.high)),
        observed: Math.max(...inside.map((one) => one.observed_frac)),
        isFew: inside.some((one) => one.is_few),
      }
    })
    .sort((a, b) => a.start - b.start)
}

/** A line's newest bin with speeds, its most frequent class. */
export function speedsOf(speeds: Speed[]): SpeedOfLine[] {
  const newest = new Map<string, Speed>()
  for (const one of speeds) {
    const known = newest.get(one.place)
    const isNewer = known === undefined || one.start > known.start
    if (isNewer || (one.start === known?.start && one.n > known.n)) newest.set(one.place, one)
  }
  return [...newest.values()]
    .map(({ place, n, median_kmh, low_kmh, high_kmh, p85_kmh }) => ({
      place, n, median_kmh, low_kmh, high_kmh, p85_kmh,
    }))
    .sort((a, b) => a.place.localeCompare(b.place))
}
