import { expect, test } from 'vitest'

import { added, forwardOf, freshName, inside, moved, nothing, pointsOf, removed, reversed, type Point } from './drawing'

const corners: Point[] = [[10, 10], [50, 10], [50, 40]]
const empty = nothing(100, 60)

test('each kind of shape is added, moved and removed', () => {
  for (const kind of ['line', 'zone', 'mask', 'length'] as const) {
    const one = { kind, place: 0 }
    const drawn = added(empty, kind, kind === 'length' ? corners.slice(0, 2) : corners)
    expect(pointsOf(moved(drawn, one, 1, [60, 20]), one)[1]).toEqual([60, 20])
    expect(removed(drawn, one)).toEqual(empty)
  }
})

test('a new name is one that nothing has', () => {
  const one = added(empty, 'line', corners)
  expect(freshName(one, 'line')).toBe('line-2')
  expect(freshName(one, 'zone')).toBe('zone-1')
})

test('forward over a line drawn left to right is up, and turns round with it', () => {
  expect(forwardOf([[0, 10], [20, 10]])).toEqual([0, -1])
  const line = added(empty, 'line', [[0, 10], [20, 10]])
  expect(forwardOf(pointsOf(reversed(line, { kind: 'line', place: 0 }), { kind: 'line', place: 0 }))).toEqual([0, 1])
})

test('points stay inside the picture', () => {
  expect(inside([-4, 70.26], [100, 60])).toEqual([0, 60])
  expect(inside([4.26, 7.24], [100, 60])).toEqual([4.3, 7.2])
})
