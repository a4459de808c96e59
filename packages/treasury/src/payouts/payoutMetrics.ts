import type { PayoutStatus } from "@mall/domain/treasury/Payout"
import { Metric } from "effect"

/** Steps of pay-outs, by where they led. */
export const countStep = (currency: string, status: PayoutStatus) =>
  Metric.update(
    Metric.counter("payout_steps_total", {
      description: "Steps of pay-outs, by the state they led to",
      incremental: true,
      attributes: { currency, status }
    }),
    1
  )

/** How many seconds the oldest pay-out waits whose fate the bank has not told. */
export const showOldestUnknown = (seconds: number) =>
  Metric.update(
    Metric.gauge("payout_oldest_unknown_seconds", {
      description: "Age of the oldest pay-out whose fate is unknown"
    }),
    seconds
  )
