import { expect, test } from 'vitest'

import { speedsOf, ways, type Count, type Speed } from './today'

const count = (change: Partial<Count>): Count => ({
  start: '2026-05-01T08:00:00Z', end: '2026-05-01T08:15:00Z', place: 'north', direction: 'forward',
  kind: 'car', n: 4, low: 3, high: 6, observed_frac: 1, is_few: false, ...change,
})

test('classes and bins of one way are added, with their bounds', () => {
  const [way] = ways([
    count({}), count({ kind: 'bus', n: 1, low: 1, high: 2 }), count({ start: '2026-05-01T08:15:00Z', n: 6, low: 5, high: 8 }),
  ])
  expect([way?.n, way?.low, way?.high]).toEqual([11, 9, 16])
  expect(way?.bars.map((bar) => bar.n)).toEqual([5, 6])
  expect(way?.kinds).toEqual([{ kind: 'car', n: 10 }, { kind: 'bus', n: 1 }])
})

test('an unknown bound leaves the sum without one', () => {
  expect(ways([count({}), count({ kind: 'bus', low: null, high: null })])[0]?.low).toBeNull()
})

test('what was not looked at is no zero', () => {
  const [way] = ways([count({ n: null, low: null, high: null, observed_frac: 0 })])
  expect(way?.bars[0]?.n).toBeNull()
  expect(way?.observed).toBe(0)
})

test('a bin under way counts as looked at for the time that has passed', () => {
  const start = Date.parse('2026-05-01T08:00:00Z')
  const [way] = ways([count({ observed_frac: 1 / 3 })], start + 300_000)
  expect(way?.observed).toBeCloseTo(1)
})

test('a small number of people is not said and not added', () => {
  const [way] = ways([count({}), count({ kind: 'person', n: null, low: null, high: null, is_few: true })])
  expect([way?.n, way?.hasFew]).toEqual([4, true])
  const [hidden] = ways([count({ kind: 'person', n: null, low: null, high: null, is_few: true })])
  expect([hidden?.n, hidden?.low]).toEqual([null, null])
  expect(way?.kinds).toContainEqual({ kind: 'person', n: null })
})

test('a line has the speeds of its newest bin and most frequent class', () => {
  const speed = (change: Partial<Speed>): Speed => ({
    start: '2026-05-01T08:00:00Z', end: '2026-05-01T08:15:00Z', place: 'north', kind: 'car', n: 5,
    median_kmh: 40, low_kmh: 38, high_kmh: 42, p85_kmh: null, ...change,
  })
  const found = speedsOf([speed({}), speed({ start: '2026-05-01T08:15:00Z', n: 2, median_kmh: 30 }), speed({ start: '2026-05-01T08:15:00Z', kind: 'bus', n: 3, median_kmh: 25 })])
  expect(found.map((one) => one.median_kmh)).toEqual([25])
})
