import { Context } from "effect"
import type { Effect, Stream } from "effect"
import type { Currency } from "../kernel/Currency.ts"
import type { MovementState } from "./Bill.ts"
import type { BilledAccount } from "./ChannelBills.ts"

/** What we hold of a try or a refund through an account at a channel. */
export interface SettledRecord {
  readonly kind: "payment" | "refund"
  /** Our number in the form that channels repeat: a UUID without its dashes. */
  readonly reference: string
  readonly paymentId: string
  /** Minor units, above zero. */
  readonly amount: number
  readonly currency: Currency
  readonly state: MovementState
  /** When we learned its state. */
  readonly at: Date
}

/** Payments and refunds, as reconciliation compares them with the channels' bills. Of one account, and never of another. */
export class SettledPayments extends Context.Service<
  SettledPayments,
  {
    /** What succeeded from `from` on and before `to`, in the order of that time, read page by page. */
    stream(account: BilledAccount, from: Date, to: Date): Stream.Stream<SettledRecord>
    /** Those of the references that we know of the account, whatever became of them and whenever. */
    find(account: BilledAccount, references: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<SettledRecord>>
  }
>()("@mall/domain/treasury/SettledPayments") {}
