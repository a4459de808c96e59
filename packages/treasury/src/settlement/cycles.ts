import type { BusinessCalendar, SettlementCycle } from "@mall/domain/treasury/SettlementTerms"
import { DateTime } from "effect"

/** What the reckoning needs of the terms. */
export interface Rhythm {
  readonly cycle: SettlementCycle
  readonly timeZone: string
}

type Calendar = Pick<BusinessCalendar, "days" | "weekend">

/** Days are counted from 1970-01-01, which was a Thursday. */
const dayMillis = 86_400_000
const weekdayOf = (day: number) => ((((day + 3) % 7) + 7) % 7) + 1
const isoOf = (day: number) => new Date(day * dayMillis).toISOString().slice(0, 10)

/** Nothing is looked for further away than this. */
const horizon = 1_000

const businessDays = ({ days, weekend }: Calendar) => {
  const exceptions = new Map<string, boolean>(days.map(({ day, isWorking }) => [day, isWorking]))
  return (day: number) => exceptions.get(isoOf(day)) ?? !weekend.includes(weekdayOf(day))
}

/** The day on which `now` is in the zone. */
const dayAt = (now: Date, timeZone: string) => {
  const { day, month, year } = DateTime.toParts(DateTime.makeZonedUnsafe(now, { timeZone }))
  return Date.UTC(year, month - 1, day) / dayMillis
}

/**
 * The moment at which the day begins in the zone. Where clocks go forward over midnight that is one o'clock; where they go back
 * over it, the first of the two midnights.
 */
const startOf = (day: number, timeZone: string) => {
  const date = new Date(day * dayMillis)
  const parts = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
  return DateTime.toDateUtc(DateTime.makeZonedUnsafe(parts, { timeZone, adjustForTimeZone: true }))
}

/** Whether the cycle cuts off where the day begins. */
const cutsOffAt = (cycle: SettlementCycle, day: number) => {
  switch (cycle.type) {
    case "daily":
      return true
    case "weekly":
      return weekdayOf(day) === cycle.weekday
    case "monthly":
      return new Date(day * dayMillis).getUTCDate() === cycle.day
  }
}

/** The day on which what was cut off at the beginning of `day` is settled. */
const dueDay = (cycle: SettlementCycle, day: number, isBusinessDay: (day: number) => boolean) => {
  let left = cycle.type === "daily" ? cycle.businessDays : 1
  // the day that was cut off is the one before
  let due = day - 1
  while (left > 0 && due < day + horizon) {
    due += 1
    if (isBusinessDay(due)) left -= 1
  }
  return Math.max(due, day)
}

/** The day at whose beginning the newest cut-off is whose day of settlement has begun. */
const latestDay = (cycle: SettlementCycle, today: number, isBusinessDay: (day: number) => boolean) => {
  for (let day = today; day > today - horizon; day -= 1) {
    if (cutsOffAt(cycle, day) && dueDay(cycle, day, isBusinessDay) <= today) return day
  }
  return undefined
}

/** The newest cut-off that is to be settled by now; undefined where there is none. */
export const latestCutOff = ({ cycle, timeZone }: Rhythm, calendar: Calendar, now: Date): Date | undefined => {
  const day = latestDay(cycle, dayAt(now, timeZone), businessDays(calendar))
  return day === undefined ? undefined : startOf(day, timeZone)
}

/** When something comes due next. A later cut-off is never due before an earlier one. */
export const nextDue = ({ cycle, timeZone }: Rhythm, calendar: Calendar, now: Date): Date => {
  const isBusinessDay = businessDays(calendar)
  const today = dayAt(now, timeZone)
  const first = (latestDay(cycle, today, isBusinessDay) ?? today - horizon) + 1
  for (let day = first; day < today + horizon; day += 1) {
    const due = cutsOffAt(cycle, day) ? dueDay(cycle, day, isBusinessDay) : today
    if (due > today) return startOf(due, timeZone)
  }
  return startOf(today + horizon, timeZone)
}
