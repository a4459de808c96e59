import type { Currency } from "@mall/domain/kernel/Currency"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { QuotaPeriod } from "@mall/domain/merchants/PaymentLimits"

/** The name of a counter, in whose order counters are locked. */
export const counterKey = (counter: {
  readonly merchantId: MerchantId
  readonly currency: Currency
  readonly period: QuotaPeriod
  readonly window: string
}) => [counter.merchantId, counter.currency, counter.period, counter.window].join(":")
