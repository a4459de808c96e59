import { Context } from "effect"
import type { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Leg, Purpose, TransferId } from "./Transfer.ts"

/** Something that has happened, as the books say it. */
export interface Posting {
  /** Made from what happened, so that the same is never posted twice. */
  readonly id: TransferId
  readonly purpose: Purpose
  /** The payment or the dispute. */
  readonly subject: string
  readonly legs: ReadonlyArray<Leg>
  readonly actor: string
  readonly reason: string
  readonly traceId: string | null
}

/**
 * The books, for the contexts that move money. What is recorded has happened, so it is not refused: neither for an overdraft,
 * as no guarded account is used so, nor because an account was closed. An id that is known with other content is a defect.
 */
export class Journal extends Context.Service<
  Journal,
  {
    /**
     * Joins the ambient transaction, and holds rows of the accounts until its end: call it once, as the last thing that waits
     * for a lock.
     */
    record(postings: ReadonlyArray<Posting>): Effect.Effect<void, SqlError>
    /**
     * By subject: what clearing accounts hold by its captures, less what they gave back by its refunds, in minor units. None
     * where the subject was never posted. Of disputes it is what came back less what was taken.
     */
    held(
      subjects: ReadonlyArray<string>,
      by?: "payments" | "disputes"
    ): Effect.Effect<ReadonlyMap<string, number>, SqlError>
  }
>()("@mall/domain/ledger/Journal") {}
