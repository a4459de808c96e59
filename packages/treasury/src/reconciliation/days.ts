import { BillDay } from "@mall/domain/treasury/Bill"
import type { BillSource } from "@mall/domain/treasury/ChannelBills"

const dayMillis = 86_400_000
const offsetOf = ({ offsetMinutes }: Pick<BillSource, "offsetMinutes">) => offsetMinutes * 60_000

/** The first moment of the day and of the next, where the source counts days. */
export const boundsOf = (source: Pick<BillSource, "offsetMinutes">, day: BillDay) => {
  const from = Date.parse(`${day}T00:00:00Z`) - offsetOf(source)
  return { from: new Date(from), to: new Date(from + dayMillis) }
}

/** The day so many days before the one that `now` is in, where the source counts days. */
export const dayBefore = (source: Pick<BillSource, "offsetMinutes">, now: Date, days: number) =>
  BillDay.make(new Date(now.getTime() + offsetOf(source) - days * dayMillis).toISOString().slice(0, 10))

/** The hour of the source's own clock. */
export const hourAt = (source: Pick<BillSource, "offsetMinutes">, now: Date) =>
  new Date(now.getTime() + offsetOf(source)).getUTCHours()
