import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import type { FeePlan } from "@mall/domain/merchants/FeePlan"
import { FeePlan as FeePlanSchema } from "@mall/domain/merchants/FeePlan"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentLimits } from "@mall/domain/merchants/PaymentLimits"
import { AttemptId } from "@mall/domain/payments/Payment"
import { PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import { Notifications } from "@mall/platform/Notifications"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, Layer, Schema } from "effect"
import * as TermsServices from "../src/terms/TermsServices.ts"

export const newMerchantId = generator(MerchantId)
export const newPaymentId = generator(PaymentId)
export const newAttemptId = generator(AttemptId)
export const newRefundId = generator(RefundId)

const settings = (lead: string) => ConfigProvider.layer(ConfigProvider.fromUnknown({ MERCHANT_TERMS_LEAD: lead }))

/** Terms on a database of the test file's own, which count as soon as they are said. */
export const TestTerms = TermsServices.layer.pipe(
  Layer.provide(Notifications.layer),
  Layer.provide(settings("0 seconds")),
  Layer.provideMerge(TestDatabase),
  Layer.orDie
)

const decodePlan = Schema.decodeUnknownSync(FeePlanSchema)
const decodeLimits = Schema.decodeUnknownSync(PaymentLimits)

export const cny = (amount: number) => Money.of(amount, "CNY")

/** 1 % and 30 on yuan, unless `rest` says otherwise. */
export const aPlan = (rest: object = {}): FeePlan => {
  const rate = { channel: null, currency: null, fixed: 0, minimum: null, maximum: null }
  const tiers = [{ from: 0, basisPoints: "100" }]
  return decodePlan({
    name: "standard",
    rates: [
      { ...rate, tiers },
      { ...rate, currency: "CNY", fixed: 30, tiers }
    ],
    tierMode: "marginal",
    rounding: "half_up",
    timeZone: "Asia/Shanghai",
    returns: { percent: true, fixed: false },
    ...rest
  })
}

export const someLimits = (rest: object) =>
  decodeLimits({
    ...{ minimum: null, maximum: null, daily: null, monthly: null },
    ...{ timeZone: "Asia/Shanghai", returnsOnRefund: false, ...rest }
  })
