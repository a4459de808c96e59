import type { Currency } from "@mall/domain/kernel/Currency"
import { Exit, Metric } from "effect"

const counter = (name: string, description: string, attributes: Record<string, string>) =>
  Metric.counter(name, { description, incremental: true, attributes })

export const countConversion = (sell: Currency, buy: Currency) =>
  Metric.update(counter("fx_conversions_total", "Quotes that were accepted", { sell, buy }), 1)

export const countFetch = (exit: Exit.Exit<unknown, unknown>) =>
  Metric.update(
    counter("fx_fetches_total", "Times that a source of rates was asked", {
      source: "ecb",
      outcome: Exit.isSuccess(exit) ? "ok" : "failed"
    }),
    1
  )

/** How many seconds ago the newest rate of a source became valid. */
export const showAge = (source: string, seconds: number) =>
  Metric.update(
    Metric.gauge("fx_rate_age_seconds", { description: "Age of the newest rate in force", attributes: { source } }),
    seconds
  )

export const showHeld = (rates: number) =>
  Metric.update(Metric.gauge("fx_rates_held", { description: "Rates that wait for a second person" }), rates)
