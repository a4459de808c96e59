import { Context } from "effect"
import type { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Money } from "../kernel/Money.ts"
import type { PaymentId } from "../payments/PaymentGateway.ts"
import type { MerchantId } from "./Merchant.ts"
import type { QuotaPeriod } from "./PaymentLimits.ts"
import type { PaymentLimitExceeded, QuotaExceeded } from "./TermsError.ts"

/** What a payment takes of its merchant's day and month; null: of the mall's own. */
export interface QuotaNeed {
  readonly paymentId: PaymentId
  readonly merchantId: MerchantId | null
  readonly money: Money
  readonly windows: Readonly<Record<QuotaPeriod, { readonly window: string; readonly limit: number | null }>>
  readonly returnsOnRefund: boolean
  readonly at: Date
}

/** What became of a payment, so far as its quota is concerned. Money that came late is used, though its hold was released. */
export interface QuotaOutcome {
  readonly paymentId: PaymentId
  readonly merchantId: MerchantId | null
  readonly outcome: "committed" | "released" | { readonly refunded: number }
}

/**
 * The port by which payments keep to what is agreed with merchants, and to what the mall allows itself. Owned by merchants. A quota is held when a payment is made,
 * committed when it is paid, released when it ends unpaid; each in the transaction that changes the payment, so they agree always.
 *
 * - `admit` looks at the payment alone, from memory and never within a transaction. Undefined where there is no quota.
 * - `hold` joins the ambient transaction and holds the counters of the windows until its end. Under their locks it asks `known`
 *   which payments exist already: those need nothing. It decides in the order asked, and answers with those refused.
 * - `settle` joins the ambient transaction. A payment that holds nothing is left alone.
 */
export class PaymentQuotas extends Context.Service<
  PaymentQuotas,
  {
    admit(payment: {
      readonly paymentId: PaymentId
      readonly merchantId: MerchantId | null
      readonly money: Money
      readonly at: Date
    }): Effect.Effect<QuotaNeed | undefined, PaymentLimitExceeded>
    hold(
      needs: ReadonlyArray<QuotaNeed>,
      known: (ids: ReadonlyArray<PaymentId>) => Effect.Effect<ReadonlySet<PaymentId>, SqlError>
    ): Effect.Effect<ReadonlyMap<PaymentId, QuotaExceeded>, SqlError>
    settle(outcomes: ReadonlyArray<QuotaOutcome>): Effect.Effect<void, SqlError>
  }
>()("@mall/domain/merchants/PaymentQuotas") {}
