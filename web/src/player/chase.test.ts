import { describe, expect, it } from 'vitest'

import { EDGE_S, JUMP_S, LAND_S, step } from './chase'

const at = (buffered: [number, number][], now: number, stuck = 0) =>
  step({ buffered: buffered.map(([start, end]) => ({ start, end })), at: now, stuck })

describe('where a live player should be', () => {
  it('does nothing before there is a picture', () => {
    expect(at([], 0)).toEqual({ rate: 1 })
  })
  it('jumps into the buffer when it begins elsewhere', () => {
    expect(at([[5000, 5001]], 0).seek).toBeCloseTo(5001 - LAND_S)
  })
  it('never lands before the buffer begins', () => {
    expect(at([[10, 10.2]], 0).seek).toBe(10)
  })
  it('plays at its own pace near the edge', () => {
    expect(at([[0, 10]], 9.5)).toEqual({ rate: 1 })
  })
  it('runs faster when it falls behind the edge', () => {
    const found = at([[0, 10]], 10 - EDGE_S - 0.1)
    expect(found.rate).toBeGreaterThan(1)
    expect(found.seek).toBeUndefined()
  })
  it('jumps when it is far behind, as after a hidden tab', () => {
    expect(at([[0, 60]], 60 - JUMP_S - 1).seek).toBeCloseTo(60 - LAND_S)
  })
  it('crosses a hole into the newest stretch', () => {
    expect(at([[0, 5], [7, 9]], 4.9).seek).toBeCloseTo(9 - LAND_S)
  })
  it('jumps when it is stuck although there is more', () => {
    expect(at([[0, 10]], 9, 2).seek).toBeCloseTo(10 - LAND_S)
  })
  it('waits when it is stuck at the edge itself', () => {
    expect(at([[0, 10]], 9.95, 2).seek).toBeUndefined()
  })
  it('trims what was seen long ago', () => {
    expect(at([[0, 100]], 99.5).trim).toBeCloseTo(84.5)
    expect(at([[80, 100]], 99.5).trim).toBeUndefined()
  })
})
