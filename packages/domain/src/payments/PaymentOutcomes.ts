import { Context } from "effect"
import type { Effect } from "effect"
import type { PaymentId } from "./PaymentGateway.ts"

export interface PaymentOutcome {
  readonly isCaptured: boolean
  readonly isRefunded: boolean
  readonly isDisputed: boolean
}

/** The port by which others learn what became of payments: as it is now, for those that there are. Owned by payments. */
export class PaymentOutcomes extends Context.Service<
  PaymentOutcomes,
  {
    of(ids: ReadonlyArray<PaymentId>): Effect.Effect<ReadonlyMap<PaymentId, PaymentOutcome>>
  }
>()("@mall/domain/payments/PaymentOutcomes") {}
