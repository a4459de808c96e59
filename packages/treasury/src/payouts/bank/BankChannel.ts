import type { Currency } from "@mall/domain/kernel/Currency"
import type { PayoutId } from "@mall/domain/treasury/Payouts"
import { Schema } from "effect"
import type { Effect, Redacted } from "effect"

/** What a bank is to pay. `id` is what it knows it by, so that the same is never paid twice. */
export interface BankInstruction {
  readonly id: PayoutId
  /** Minor units. */
  readonly amount: number
  readonly currency: Currency
  readonly country: string
  readonly holder: string
  readonly number: Redacted.Redacted
  readonly bankCode: string | null
  readonly bic: string | null
}

/** What it was told by, where it is asked about. */
export interface BankQuestion {
  readonly id: PayoutId
  readonly batchId: string | null
}

/**
 * `accepted`: it will be paid or refused. `unknown`: no answer came, or none that can be believed: it may have been paid.
 * `not_found`: the bank knows nothing of it, so that it may be told again. `returned`: it was paid, and came back.
 */
export interface BankAnswer {
  readonly id: PayoutId
  readonly state: "accepted" | "paid" | "refused" | "returned" | "unknown" | "not_found"
  /** In major units, as the bank writes it; null where it does not say. */
  readonly moved: { readonly amount: string; readonly currency: string } | null
  readonly bankReference: string | null
  /** The bank's word where it did not pay, or ours where it did not answer. */
  readonly reason: string | null
}

/** What a bank's statement says, oldest first. */
export interface Statement {
  readonly entries: ReadonlyArray<BankAnswer>
  /** From where the next one goes on. */
  readonly readTo: string
}

export const noAnswer = (id: PayoutId, reason: string): BankAnswer => ({
  ...{ id, state: "unknown", moved: null, bankReference: null, reason }
})

/** The bank gave no statement, or none that can be believed. */
export class BankSilent extends Schema.TaggedError<BankSilent>()("BankSilent", { reason: Schema.String }) {
  override get message() {
    return `The bank did not answer: ${this.reason}`
  }
}

/**
 * A way to a bank. Each call is one of the network: never within a transaction. Telling the bank the same id again, by whatever
 * way and in whatever batch, does nothing and answers how it stands. There is an answer to each, in any order; what the bank does
 * not answer is `unknown`, never a failure.
 */
export interface BankChannel {
  /** Such as `sandbank_api`. */
  readonly id: string
  /** The platform's account there, as the books know it: two ways to one bank share it. */
  readonly bank: string
  submit(batchId: string, instructions: ReadonlyArray<BankInstruction>): Effect.Effect<ReadonlyArray<BankAnswer>>
  query(questions: ReadonlyArray<BankQuestion>): Effect.Effect<ReadonlyArray<BankAnswer>>
  /** What happened since; from the beginning where it is null. The same entry may come again. */
  statement(after: string | null): Effect.Effect<Statement, BankSilent>
}
