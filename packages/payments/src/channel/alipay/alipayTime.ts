import { DateTime, Option } from "effect"

const beijing = DateTime.zoneMakeOffset(8 * 60 * 60 * 1000)

/** `2026-01-02 11:04:05`, the time in Beijing: how Alipay writes times. */
export const toAlipayTime = (date: Date) =>
  DateTime.formatIsoOffset(DateTime.setZone(DateTime.fromDateUnsafe(date), beijing))
    .slice(0, 19)
    .replace("T", " ")

/** None where the text is no such time. */
export const fromAlipayTime = (text: string): Option.Option<Date> =>
  /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text)
    ? Option.map(DateTime.make(`${text.replace(" ", "T")}+08:00`), DateTime.toDateUtc)
    : Option.none()
