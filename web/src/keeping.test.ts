import { describe, expect, it } from 'vitest'

import { draftOf, isPlanned, keepingOf, whenText } from './keeping'

describe('how a camera is kept', () => {
  it('is always, unless somebody says otherwise', () => {
    const kept = keepingOf(draftOf(null, true), true)
    expect(kept).toMatchObject({ mode: 'continuous', streams: [], keep_gb_max: null, hours: '' })
    expect(whenText(kept)).toBe('always')
  })

  it('comes back from the form as it went in', () => {
    for (const kept of [
      { mode: 'events', triggers: ['rule'], pre_roll_s: 0, post_roll_s: 30, hours: '', zone: 'UTC', streams: [], keep_gb_max: 200, disk: null },
      { mode: 'schedule', triggers: ['motion'], pre_roll_s: 5, post_roll_s: 10, hours: 'mon-fri 08:00-18:00', zone: 'Europe/Berlin', streams: ['sub'], keep_gb_max: null, disk: 'b' },
    ] as const) {
      const one = { ...kept, triggers: [...kept.triggers], streams: [...kept.streams] }
      expect(keepingOf(draftOf(one, true), true)).toEqual(one)
    }
  })

  it('says around what and by which hours', () => {
    const events = keepingOf({ ...draftOf(null, false), mode: 'events', isOnRule: true }, false)
    expect(whenText(events)).toBe('on movement or a rule, from 5\u00a0s before to 10\u00a0s after')
    const hours = keepingOf({ ...draftOf(null, false), mode: 'schedule', hours: 'sat 10:00-14:00', zone: 'Europe/Berlin' }, false)
    expect(whenText(hours)).toBe('sat 10:00–14:00 (clocks of Europe/Berlin)')
  })

  it('tells what was planned from what was wrong', () => {
    expect(['no_event', 'not_scheduled', 'camera_away', null].map(isPlanned)).toEqual([true, true, false, false])
  })
})
