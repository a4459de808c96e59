import type { Currency } from "@mall/domain/kernel/Currency"
import type { LimitsHolder } from "@mall/domain/merchants/LimitsHolder"
import type { QuotaPeriod } from "@mall/domain/merchants/PaymentLimits"

/** The name of a counter, in whose order counters are locked. */
export const counterKey = (counter: {
  readonly holder: LimitsHolder
  readonly currency: Currency
  readonly period: QuotaPeriod
  readonly window: string
}) => [counter.holder, counter.currency, counter.period, counter.window].join(":")
