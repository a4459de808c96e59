import { Schema } from "effect"
import { NonBlankText } from "../kernel/PlainText.ts"
import { MerchantId } from "../merchants/Merchant.ts"

/**
 * How long orders wait for their payment. A null merchant or payment method stands for any. Of the rules that apply to an
 * order the most specific one counts, a merchant's before a payment method's.
 */
export const OrderExpiryRule = Schema.Struct({
  merchantId: Schema.NullOr(MerchantId),
  paymentMethod: Schema.NullOr(NonBlankText(32)),
  expirySeconds: Schema.Int.check(Schema.isBetween({ minimum: 5, maximum: 2_592_000 }))
}).annotate({ identifier: "OrderExpiryRule" })
export type OrderExpiryRule = typeof OrderExpiryRule.Type

/** One change of the rules; `expirySeconds` is null where the rule was removed. */
export const OrderExpiryChange = Schema.Struct({
  merchantId: OrderExpiryRule.fields.merchantId,
  paymentMethod: OrderExpiryRule.fields.paymentMethod,
  expirySeconds: Schema.NullOr(Schema.Int),
  /** The id of an administrator, `operator:<name>` for the command line, or `seed`. */
  author: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "OrderExpiryChange" })
export type OrderExpiryChange = typeof OrderExpiryChange.Type
