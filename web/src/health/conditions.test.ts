import { describe, expect, it } from 'vitest'

import { bytesText, groups, over, spanText, type Condition } from './conditions'

function condition(kind: string, camera: string | null, more: Partial<Condition> = {}): Condition {
  return {
    kind,
    camera,
    part: '',
    since: '2026-05-01T12:00:00.000000Z',
    until: null,
    because: 'because',
    do: 'do',
    severity: 'warning',
    ...more,
  }
}

describe('conditions', () => {
  it('come with the worst first, then the oldest, without those that are over', () => {
    const found = groups([
      condition('review_due', 'a', { severity: 'note' }),
      condition('disk_slow', null, { since: '2026-05-01T12:30:00.000000Z' }),
      condition('rows_waiting', null),
      condition('camera_away', 'a', { severity: 'severe' }),
      condition('camera_away', 'b', { until: '2026-05-01T13:00:00.000000Z' }),
    ])
    expect(found.map((one) => one.kind)).toEqual(['camera_away', 'rows_waiting', 'disk_slow', 'review_due'])
  })

  it('of one kind at many cameras are one, as old as the oldest', () => {
    const cameras = ['a', 'b', 'c', 'd', 'e'].map((name, place) =>
      condition('camera_away', name, { since: `2026-05-01T12:0${5 - place}:00.000000Z` }),
    )
    const found = groups([...cameras, condition('disk_slow', null, { severity: 'note' })])
    expect(found).toHaveLength(2)
    expect(found[0]?.members).toHaveLength(5)
    expect(found[0]?.since).toBe('2026-05-01T12:01:00.000000Z')
    expect(groups(cameras.slice(0, 3))).toHaveLength(3)
  })

  it('that are over are kept apart', () => {
    expect(over([condition('a', null), condition('b', null, { until: 'x' })])).toHaveLength(1)
  })
})

describe('words', () => {
  it('say durations in units that fit', () => {
    expect([0, 42, 119, 120, 3_600, 7_500, 36_000, 172_800].map(spanText)).toEqual([
      '0 s', '42 s', '119 s', '2 min', '60 min', '2 h 5 min', '10 h', '2 days',
    ])
  })

  it('say bytes as disks are sold', () => {
    expect([0, 999, 1_500, 212e9, 3.84e12].map(bytesText)).toEqual(['0 B', '999 B', '1.5 kB', '212 GB', '3.8 TB'])
  })
})
