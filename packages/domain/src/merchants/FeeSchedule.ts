import { Context } from "effect"
import type { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Currency } from "../kernel/Currency.ts"
import type { Money } from "../kernel/Money.ts"
import type { DisputeId } from "../payments/Dispute.ts"
import type { AttemptId, ChannelId } from "../payments/Payment.ts"
import type { PaymentId, RefundId } from "../payments/PaymentGateway.ts"
import type { MerchantId } from "./Merchant.ts"

/** Money of a buyer that is the merchant's, since `at`. */
export interface Captured {
  readonly attemptId: AttemptId
  readonly paymentId: PaymentId
  readonly merchantId: MerchantId
  readonly channel: ChannelId
  readonly money: Money
  readonly at: Date
}

/** A part of what `attemptId` captured, or all of it, that went back. */
export interface GivenBack {
  readonly refundId: RefundId
  readonly attemptId: AttemptId
  readonly money: Money
  readonly at: Date
}

/** What the capture or the refund of that id moves between the merchant and the platform. */
export interface FeeMovement {
  readonly cause: AttemptId | RefundId
  readonly paymentId: PaymentId
  readonly merchantId: MerchantId
  readonly direction: "charged" | "returned"
  readonly money: Money
  /** Of the merchant's fee plan. */
  readonly planVersion: number
}

/**
 * How a dispute stands, so far as it costs something. `none`: an inquiry, or settled before it became a dispute. `openedAt` is when we
 * heard of it: the plan of then is its plan to the end.
 */
export interface DisputeCase {
  readonly disputeId: DisputeId
  readonly merchantId: MerchantId
  readonly currency: Currency
  readonly stand: "none" | "open" | "won" | "lost"
  readonly openedAt: Date
}

/** What a change of a dispute moves between the merchant and the platform. */
export type DisputeFeeMovement = Omit<FeeMovement, "cause" | "paymentId"> & { readonly disputeId: DisputeId }

/**
 * The port by which payments learn what captures cost. Owned by merchants.
 *
 * `charge` joins the ambient transaction, in which it reads the plan that is in force at each capture's time and keeps what it was
 * charged by: so no capture is charged by a plan that was over. It holds rows of the merchants' month until the transaction ends.
 * Nothing that costs nothing is answered. Each capture and each refund is told once.
 */
export class FeeSchedule extends Context.Service<
  FeeSchedule,
  {
    charge(
      captures: ReadonlyArray<Captured>,
      refunds: ReadonlyArray<GivenBack>
    ): Effect.Effect<ReadonlyArray<FeeMovement>, SqlError>
    /** As `charge`, of disputes whose locks the transaction holds. The same stand again moves nothing. */
    chargeDisputes(
      cases: ReadonlyArray<DisputeCase>,
      at: Date
    ): Effect.Effect<ReadonlyArray<DisputeFeeMovement>, SqlError>
    /** For checks: what disputes were charged and not given back, and what they would have to be. Nothing of those that cost nothing. */
    keptOfDisputes(
      cases: ReadonlyArray<DisputeCase>
    ): Effect.Effect<ReadonlyMap<DisputeId, { readonly kept: number; readonly due: number }>, SqlError>
    /**
     * For checks: of captures what is kept of their fees, in minor units; null of those that a plan was in force for and that
     * were not charged, nothing of others. Locks nothing.
     */
    kept(captures: ReadonlyArray<Captured>): Effect.Effect<ReadonlyMap<AttemptId, number | null>, SqlError>
  }
>()("@mall/domain/merchants/FeeSchedule") {}
