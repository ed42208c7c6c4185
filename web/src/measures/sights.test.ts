import { expect, test } from 'vitest'

import { boxesAt, type Box, type Seen } from './sights'

const box = (id: number, left: number): Box => ({
  id,
  kind: 'car',
  box_unit: [left, 0.2, left + 0.1, 0.3],
  trail_unit: [],
})
const seen: Seen[] = [
  { at: 1_000, boxes: [box(1, 0.1), box(2, 0.5)] },
  { at: 1_200, boxes: [box(1, 0.2)] },
]

test('a box moves between the two sights around the moment', () => {
  const [one] = boxesAt(seen, 1_100)
  expect(one?.box_unit[0]).toBeCloseTo(0.15)
})

test('a box without a later place stays where it was until the next sight', () => {
  expect(boxesAt(seen, 1_100).map((one) => one.id)).toEqual([1, 2])
  expect(boxesAt(seen, 1_201).map((one) => one.id)).toEqual([1])
})

test('nothing is drawn when nothing was seen around the moment', () => {
  expect(boxesAt(seen, 9_000)).toEqual([])
  expect(boxesAt([], 1_000)).toEqual([])
})
