import { describe, expect, it, vi } from 'vitest'

vi.mock('hls.js/light', () => ({ default: class {} }))

import { momentOf, secondOf, type Piece } from './recorded'

const NOON = Date.UTC(2026, 4, 1, 12)
// Four seconds from noon, then a gap until a minute past.
const PIECES: Piece[] = [
  { start: 0, length: 2, at: NOON },
  { start: 2, length: 2, at: NOON + 2000 },
  { start: 4, length: 2, at: NOON + 60_000 },
]

describe('moments and the playlist', () => {
  it('finds a moment inside footage', () => {
    expect(secondOf(PIECES, NOON + 2500)).toBeCloseTo(2.5)
  })
  it('goes to the next footage from inside a gap', () => {
    expect(secondOf(PIECES, NOON + 30_000)).toBe(4)
  })
  it('stays inside at both ends', () => {
    expect(secondOf(PIECES, NOON - 5000)).toBe(0)
    expect(secondOf(PIECES, NOON + 999_000)).toBeCloseTo(5.9)
    expect(secondOf([], NOON)).toBe(0)
  })
  it('names the moment of a second, across the gap', () => {
    expect(momentOf(PIECES, 1)).toBe(NOON + 1000)
    expect(momentOf(PIECES, 4.5)).toBe(NOON + 60_500)
    expect(momentOf([], 1)).toBeNull()
  })
  it('is its own inverse in footage', () => {
    for (const second of [0, 0.5, 1.9, 3.2, 5]) {
      expect(secondOf(PIECES, momentOf(PIECES, second) ?? 0)).toBeCloseTo(second)
    }
  })
})
