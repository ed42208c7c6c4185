import { expect, test } from 'vitest'

import { playsHevc } from './plays'

const answering = (yes: boolean) => ({ isTypeSupported: () => yes })

test('a browser is asked whether it plays H.265', () => {
  expect(playsHevc({ MediaSource: answering(true) })).toBe(true)
  expect(playsHevc({ MediaSource: answering(false) })).toBe(false)
})

test('the managed kind of a media source is asked first, and none plays nothing', () => {
  expect(playsHevc({ ManagedMediaSource: answering(true), MediaSource: answering(false) })).toBe(
    true,
  )
  expect(playsHevc({})).toBe(false)
})
