import { Context } from "effect"
import type { Effect } from "effect"
import type { PaymentId } from "../payments/PaymentGateway.ts"
import type { RiskFacts } from "./Fact.ts"
import type { ChallengeNeed } from "./RiskRecord.ts"
import type { Verdict } from "./RiskRule.ts"

export interface RiskQuestion {
  readonly paymentId: PaymentId
  readonly facts: RiskFacts
  /** From when on the payment cannot be paid: nobody reviews it any longer. */
  readonly endsAt: Date
}

/** `unavailable`: it could not be checked, and is too large to pass unchecked. `note` is for the payment's history. */
export interface RiskAnswer {
  readonly verdict: Verdict | "unavailable"
  readonly needs: ChallengeNeed | null
  readonly note: string
}

/**
 * The port by which payments ask whether a buyer may try to pay. Owned by risk; never called within a transaction.
 *
 * - `check` counts the try and decides, within a bounded time. It never fails: what cannot be checked passes up to an
 *   amount, with an alarm. A payment in review is answered `review` until an operator has decided, and then by that.
 * - `declined` tells that the channel refused what was let pass. Best effort: what is lost is missing in the counts.
 */
export class RiskCheck extends Context.Service<
  RiskCheck,
  {
    check(question: RiskQuestion): Effect.Effect<RiskAnswer>
    declined(paymentId: PaymentId): Effect.Effect<void>
  }
>()("@mall/domain/risk/RiskCheck") {}
