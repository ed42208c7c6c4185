import { expect, test } from 'vitest'

import type { Camera } from './api/client'
import { clipped, purposeOf } from './commissioning'

const HOUR = 3_600_000
const NOW = Date.parse('2026-05-02T08:00:00Z')
const camera = { commissioning_until: '2026-05-03T07:00:00Z' } as Camera
const settled = { commissioning_until: null } as Camera

test('uncovered pictures of a camera in commissioning are asked for with that purpose', () => {
  expect(purposeOf(camera, true, NOW)).toBe('commissioning')
  expect(purposeOf(camera, false, NOW)).toBe('operation')
  expect(purposeOf(settled, true, NOW)).toBe('operation')
  expect(purposeOf(camera, true, NOW + 24 * HOUR)).toBe('operation')
})

test('an uncovered span begins no earlier than the commissioning', () => {
  const span = { start: NOW - 2 * HOUR, end: NOW }
  expect(clipped(span, camera, true, NOW)).toEqual({ start: NOW - HOUR, end: NOW })
  expect(clipped(span, camera, false, NOW)).toEqual(span)
  expect(clipped(span, settled, true, NOW)).toEqual(span)
})
