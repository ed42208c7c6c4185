import { describe, expect, it } from 'vitest'

import { atMoment, DAY, moved, NARROWEST, spanAround, ticks, toTime, toX, zoomed } from './scale'

const START = Date.UTC(2026, 4, 1)
const day = { start: START, end: START + DAY }
const HOUR = DAY / 24

describe('the timeline', () => {
  it('turns time into pixels and back', () => {
    for (const hour of [0, 3.5, 12, 23.9]) {
      const at = START + hour * HOUR
      expect(toTime(toX(at, day, 1200), day, 1200)).toBeCloseTo(at, 3)
    }
  })
  it('keeps a pointer outside inside', () => {
    expect(toTime(-50, day, 100)).toBe(day.start)
    expect(toTime(500, day, 100)).toBe(day.end)
  })
  it('zooms about the moment under the pointer', () => {
    const about = START + 6 * HOUR
    const found = zoomed(day, about, 0.25, day)
    expect(found.end - found.start).toBe(DAY / 4)
    expect(toX(about, found, 100)).toBeCloseTo(toX(about, day, 100))
  })
  it('zooms neither past the day nor past minutes', () => {
    expect(zoomed(day, START, 10, day)).toEqual(day)
    const close = zoomed(day, START, 0.000001, day)
    expect(close.end - close.start).toBe(NARROWEST)
    expect(moved(close, -DAY, day)).toEqual(close)
  })
  it('labels round times and not too many', () => {
    const found = ticks(day, 1000)
    expect(found.length).toBeGreaterThan(5)
    expect(found.length).toBeLessThan(14)
    expect(ticks(day, 300).length).toBeLessThan(6)
  })
  it('says what lies at a moment, and reaches for footage nearby', () => {
    const footage = [{ start: START + HOUR, end: START + 2 * HOUR }]
    const gaps = [{ start: START + 2 * HOUR, end: START + 3 * HOUR, because: 'crashed' }]
    expect(atMoment(footage, gaps, START + 1.5 * HOUR, 0).kind).toBe('footage')
    expect(atMoment(footage, gaps, START + 2.5 * HOUR, 60_000)).toMatchObject({
      kind: 'gap',
      because: 'crashed',
    })
    expect(atMoment(footage, gaps, START + HOUR - 30_000, 60_000).at).toBe(START + HOUR)
    expect(atMoment(footage, gaps, START + 5 * HOUR, 60_000).kind).toBe('nothing')
  })
  it('asks for at most an hour and never past now', () => {
    const span = spanAround(START, START + DAY)
    expect(span.end - span.start).toBe(HOUR)
    expect(spanAround(START, START + 60_000).end).toBe(START + 60_000)
  })
})
