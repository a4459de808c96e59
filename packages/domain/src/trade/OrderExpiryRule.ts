import { Effect, Schema } from "effect"
import { CategoryId } from "../catalog/Category.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { MerchantId } from "../merchants/Merchant.ts"

/** Of what kind the products are: those of this category and of all below it. */
const RuleCategory = Schema.NullOr(CategoryId).pipe(Schema.withDecodingDefaultKey(Effect.succeed(null)))

/**
 * How long orders wait for their payment. A null merchant, category or payment method stands for any. Of the rules that apply
 * to a line the most specific one counts: a merchant's before all others, then that of the nearest category, then that of
 * the payment method. A checkout waits as long as the line that waits the shortest.
 */
export const OrderExpiryRule = Schema.Struct({
  merchantId: Schema.NullOr(MerchantId),
  categoryId: RuleCategory,
  paymentMethod: Schema.NullOr(NonBlankText(32)),
  expirySeconds: Schema.Int.check(Schema.isBetween({ minimum: 5, maximum: 2_592_000 }))
}).annotate({ identifier: "OrderExpiryRule" })
export type OrderExpiryRule = typeof OrderExpiryRule.Type
/** What a rule is for: there is one rule for each. */
export type OrderExpirySubject = Omit<OrderExpiryRule, "expirySeconds">

/** One change of the rules; `expirySeconds` is null where the rule was removed. */
export const OrderExpiryChange = Schema.Struct({
  merchantId: OrderExpiryRule.fields.merchantId,
  categoryId: RuleCategory,
  paymentMethod: OrderExpiryRule.fields.paymentMethod,
  expirySeconds: Schema.NullOr(Schema.Int),
  /** The id of an administrator, `operator:<name>` for the command line, or `seed`. */
  author: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "OrderExpiryChange" })
export type OrderExpiryChange = typeof OrderExpiryChange.Type
