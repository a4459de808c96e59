import { DateTime, Option } from "effect"

const beijing = DateTime.zoneMakeOffset(8 * 60 * 60 * 1000)

/** `20260102110405`, the time in Beijing: how WeChat Pay v2 writes times. */
export const toWechatTime = (date: Date) =>
  DateTime.formatIsoOffset(DateTime.setZone(DateTime.fromDateUnsafe(date), beijing))
    .slice(0, 19)
    .replaceAll(/[-:T]/g, "")

/** None where the text is no such time. */
export const fromWechatTime = (text: string): Option.Option<Date> => {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text) ?? []
  return year === undefined
    ? Option.none()
    : Option.map(DateTime.make(`${year}-${month}-${day}T${hour}:${minute}:${second}+08:00`), DateTime.toDateUtc)
}
