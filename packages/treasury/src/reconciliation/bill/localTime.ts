const pattern = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})$/

/** `2026-11-20 23:59:59` by a clock that is so far from that of UTC; undefined where it is none. */
export const localTimeOf = (text: string, offsetMinutes: number): Date | undefined => {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const time = Date.parse(`${match[1]}T${match[2]}Z`) - offsetMinutes * 60_000
  return Number.isNaN(time) ? undefined : new Date(time)
}
