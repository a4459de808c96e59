import { Context, Schema } from "effect"
import type { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { Uuid7 } from "../kernel/Id.ts"
import type { Money } from "../kernel/Money.ts"
import { Problem } from "../kernel/Problem.ts"
import type { PostRefused } from "../ledger/LedgerError.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Standing } from "../merchants/MerchantStanding.ts"

export const PayoutId = Uuid7.pipe(Schema.brand("PayoutId"), Schema.annotate({ identifier: "PayoutId" }))
export type PayoutId = typeof PayoutId.Type

/** There is no verified account to which money of the currency may be paid out; `usableFrom`: there will be one then. */
export class NoPayoutAccount extends Problem<NoPayoutAccount>()("NoPayoutAccount", {
  status: 409,
  title: "There is no verified account to pay out to",
  fields: { merchantId: MerchantId, currency: Schema.String, usableFrom: Schema.NullOr(Schema.Date) },
  detail: ({ currency, usableFrom }) =>
    usableFrom === null
      ? `There is no verified account for ${currency}`
      : `The account for ${currency} is paid to from ${usableFrom.toISOString()} on`
}) {}

/** Nothing is paid out to a merchant who may not do business now; the money waits on their settlement account. */
export class PayoutsWithheld extends Problem<PayoutsWithheld>()("PayoutsWithheld", {
  status: 409,
  title: "Nothing is paid out to the merchant now",
  fields: { merchantId: MerchantId, standing: Standing },
  detail: ({ standing }) =>
    standing === "suspended" ? "The merchant is suspended" : "What is known of the merchant has to be checked anew"
}) {}

export interface PayoutRequest {
  /** Made from what asks for it, so that the same is never paid twice. */
  readonly id: PayoutId
  readonly merchantId: MerchantId
  readonly money: Money
  /** What it pays, such as the id of a settlement. */
  readonly subject: string
  readonly actor: string
  readonly reason: string
}

/** Money that leaves for a merchant's bank account. */
export class Payouts extends Context.Service<
  Payouts,
  {
    /**
     * Holds the money on the merchant's settlement account and has it sent to the bank. Joins the ambient transaction; the bank
     * is called later, by the worker. The same id again changes nothing.
     */
    request(request: PayoutRequest): Effect.Effect<void, NoPayoutAccount | PayoutsWithheld | PostRefused | SqlError>
  }
>()("@mall/domain/treasury/Payouts") {}
