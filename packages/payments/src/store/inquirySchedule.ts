import { Duration } from "effect"

/** How long after each question a channel that has not told an outcome is asked again; the last step repeats for ever. */
const steps = [
  Duration.seconds(15),
  Duration.minutes(1),
  Duration.minutes(5),
  Duration.minutes(30),
  Duration.hours(2),
  Duration.hours(12),
  Duration.days(1)
] as const

const last = steps[steps.length - 1] ?? steps[0]

/** When to ask after `queries` questions were asked. */
export const nextInquiryAt = (now: Date, queries: number) =>
  new Date(now.getTime() + Duration.toMillis(steps[queries] ?? last))

/** The steps in seconds, by the number of questions asked, for statements that schedule many rows at once. */
export const inquirySeconds: ReadonlyArray<number> = steps.map((step) => Duration.toSeconds(step))
