import type { Settlement } from "@mall/domain/treasury/Settlement"
import { Effect, Metric } from "effect"

type Counted = Pick<Settlement, "currency" | "reserve" | "settled" | "status">

const counter = (name: string, description: string, attributes: Record<string, string>) =>
  Metric.counter(name, { description, incremental: true, attributes })

/** What a settlement came to, by its currency; amounts are minor units. */
export const countSettlement = ({ currency, reserve, settled, status }: Counted) =>
  Effect.gen(function* () {
    yield* Metric.update(counter("settlements_total", "Settlements by what they came to", { currency, status }), 1)
    if (status !== "settled") return
    yield* Metric.update(
      counter("settlement_amount_total", "What was settled, in minor units", { currency }),
      settled ?? 0
    )
    yield* Metric.update(
      counter("settlement_reserve_total", "What was held back, in minor units", { currency }),
      reserve ?? 0
    )
  })

/** How many settlements were begun and are not at their end, and how many seconds the oldest is. */
export const showUnderWay = (count: number, oldestSeconds: number) =>
  Effect.andThen(
    Metric.update(
      Metric.gauge("settlements_under_way", { description: "Settlements that are not at their end" }),
      count
    ),
    Metric.update(
      Metric.gauge("settlement_oldest_seconds", { description: "Age of the oldest settlement that is not at its end" }),
      oldestSeconds
    )
  )
