import { Duration } from "effect"

/** WeChat Pay's schedule: 15 deliveries after the first, over 24 hours and 4 minutes. */
export const noticePauses = [
  ...[15, 15, 30].map(Duration.seconds),
  ...[3, 10, 20, 30, 30, 30, 60].map(Duration.minutes),
  ...[3, 3, 3, 6, 6].map(Duration.hours)
]
