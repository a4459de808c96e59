import { Schema } from "effect"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import { Problem } from "../kernel/Problem.ts"
import { MerchantId } from "../merchants/Merchant.ts"

/** How a merchant's cashier looks. The logo is shown from where it is, over HTTPS. */
export const Branding = Schema.Struct({
  name: NonBlankText(60),
  /** `#rrggbb`, of buttons and headings. */
  color: Schema.String.check(Schema.isPattern(/^#[0-9a-f]{6}$/)),
  logoUrl: Schema.NullOr(PlainText(2048).check(Schema.isPattern(/^https:\/\/[^\s"'<>;,]+$/)))
}).annotate({ identifier: "Branding" })
export type Branding = typeof Branding.Type

export const MerchantBranding = Schema.Struct({ merchantId: MerchantId, ...Branding.fields }).annotate({
  identifier: "MerchantBranding"
})
export type MerchantBranding = typeof MerchantBranding.Type

/** The caller is staff of no merchant, and so has no cashier. */
export class NoMerchant extends Problem<NoMerchant>()("NoMerchant", {
  status: 409,
  title: "You are staff of no merchant"
}) {}
