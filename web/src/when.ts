// Times as people read them. Zones exist on screens only.

const day = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short' })
const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
})
const short = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
})

type Moment = number | string | Date

const asDate = (at: Moment) => new Date(at)

export const dayText = (at: Moment) => day.format(asDate(at))
export const clockText = (at: Moment) => clock.format(asDate(at))
export const shortText = (at: Moment) => short.format(asDate(at))
export const dateTimeText = (at: Moment) => `${dayText(at)}, ${clockText(at)}`

/** The browser's zone with its offset at that moment: Europe/Berlin (UTC+02:00). */
export function zoneText(at: Moment): string {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone
  const offset = -asDate(at).getTimezoneOffset()
  const sign = offset < 0 ? '−' : '+'
  const two = (value: number) => String(value).padStart(2, '0')
  const size = Math.abs(offset)
  const utc = offset === 0 ? 'UTC' : `UTC${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`
  return name === 'UTC' ? 'UTC' : `${name} (${utc})`
}

/** For <input type="datetime-local" step="1">, in the browser's zone. */
export function inputText(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19)
}

export function inputTime(text: string): number {
  return new Date(text).getTime()
}
