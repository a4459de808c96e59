import { DateTime, Option, Schema } from "effect"

/** A zone of the IANA database, such as `Asia/Shanghai`. */
export const TimeZone = Schema.String.check(
  Schema.isMaxLength(64),
  Schema.makeFilter((name: string) => Option.isSome(DateTime.zoneMakeNamed(name)) || "must be a time zone such as UTC")
).annotate({ identifier: "TimeZone" })

/** The day and the month of the zone's calendar in which `at` lies: `2026-11-21` and `2026-11`. */
export const calendarOf = (at: Date, timeZone: string) => {
  const { day, month, year } = DateTime.toParts(
    DateTime.makeZonedUnsafe(at, { timeZone: DateTime.zoneMakeNamedUnsafe(timeZone) })
  )
  const two = (part: number) => String(part).padStart(2, "0")
  const monthText = `${year}-${two(month)}`
  return { day: `${monthText}-${two(day)}`, month: monthText }
}
