import { Schema } from "effect"
import { MerchantId } from "./Merchant.ts"

/** Whose payments limits are about: a merchant's, or the mall's own, each of which is for the orders of several merchants. */
export const LimitsHolder = Schema.Union([Schema.Literal("platform"), MerchantId]).annotate({
  identifier: "LimitsHolder"
})
export type LimitsHolder = typeof LimitsHolder.Type
