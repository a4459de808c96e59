import { Schema } from "effect"
import { Money } from "../kernel/Money.ts"
import { PlainText } from "../kernel/PlainText.ts"
import { ChannelId } from "../payments/Payment.ts"
import { RefundAgainstPolicy } from "./PolicyError.ts"
import { newVersion, versionOf } from "./Version.ts"

const isDistinct = Schema.makeFilter(
  (names: ReadonlyArray<string>) => new Set(names).size === names.length || "must name each once"
)

/**
 * How a merchant's payments may be paid and given back; null is without a bound. `refundDays` are counted from the capture, each of
 * 24 hours. `refundPercent`: what refunds of a payment come to together is at most this part of the capture, rounded down. Without
 * `partialRefunds` a refund gives back all that is left.
 */
export const PaymentPolicy = Schema.Struct({
  channels: Schema.NullOr(Schema.NonEmptyArray(ChannelId).check(Schema.isMaxLength(50), isDistinct)),
  methods: Schema.NullOr(Schema.NonEmptyArray(PlainText(50)).check(Schema.isMaxLength(50), isDistinct)),
  refundDays: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3650 }))),
  partialRefunds: Schema.Boolean,
  refundPercent: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 })))
})
  .check(
    Schema.makeFilter(
      ({ partialRefunds, refundPercent }) =>
        partialRefunds || refundPercent === null || "a part is no refund of all that is left: leave one of them out"
    )
  )
  .annotate({ identifier: "PaymentPolicy" })
export type PaymentPolicy = typeof PaymentPolicy.Type

export class PaymentPolicyVersion extends Schema.Class<PaymentPolicyVersion>("PaymentPolicyVersion")({
  ...versionOf,
  content: PaymentPolicy
}) {}

export const NewPaymentPolicy = Schema.Struct({ ...newVersion, content: PaymentPolicy }).annotate({
  identifier: "NewPaymentPolicy"
})
export type NewPaymentPolicy = typeof NewPaymentPolicy.Type

/** Of those with whom nothing is agreed. */
export const unrestricted: PaymentPolicy = {
  ...{ channels: null, methods: null },
  ...{ refundDays: null, partialRefunds: true, refundPercent: null }
}

export const mayUseChannel = ({ channels }: PaymentPolicy, channel: ChannelId) =>
  channels === null || channels.includes(channel)

export const mayUseMethod = ({ methods }: PaymentPolicy, method: string) => methods === null || methods.includes(method)

interface AskedRefund {
  readonly captured: Money
  /** Neither given back nor on its way. */
  readonly refundable: Money
  readonly wanted: Money
  readonly paidAt: Date
  readonly at: Date
}

const day = 24 * 60 * 60 * 1000

/** By what a refund is against the policy; undefined where it is not. */
export const refundFaultOf = (
  { partialRefunds, refundDays, refundPercent }: PaymentPolicy,
  { at, captured, paidAt, refundable, wanted }: AskedRefund
): RefundAgainstPolicy | undefined => {
  if (refundDays !== null) {
    const until = new Date(paidAt.getTime() + refundDays * day)
    if (at > until) return new RefundAgainstPolicy({ rule: "age", until, atMost: null })
  }
  if (!partialRefunds && wanted.amount !== refundable.amount) {
    return new RefundAgainstPolicy({ rule: "partial", until: null, atMost: null })
  }
  if (refundPercent !== null) {
    const share = Number((BigInt(captured.amount) * BigInt(refundPercent)) / 100n)
    const left = Math.max(0, share - (captured.amount - refundable.amount))
    if (wanted.amount > left) {
      return new RefundAgainstPolicy({ rule: "share", until: null, atMost: Money.of(left, captured.currency) })
    }
  }
  return undefined
}
