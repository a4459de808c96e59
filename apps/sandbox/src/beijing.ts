import { DateTime } from "effect"

const offsetMinutes = 480
const zone = DateTime.zoneMakeOffset(offsetMinutes * 60_000)
const dayMillis = 86_400_000

/** `2026-01-02T11:04:05.000+08:00`: what the clocks of Beijing show. */
export const inBeijing = (time: DateTime.DateTime) => DateTime.formatIsoOffset(DateTime.setZone(time, zone))

/** The bounds of a day, `2026-11-20`, of Beijing; undefined where it is none. */
export const beijingDay = (day: string) => {
  const start = Date.parse(`${day}T00:00:00Z`) - offsetMinutes * 60_000
  return Number.isNaN(start)
    ? undefined
    : { from: new Date(start), to: new Date(start + dayMillis), offsetMinutes, currency: "CNY" as const }
}
