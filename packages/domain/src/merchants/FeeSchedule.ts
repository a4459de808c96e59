import { Context } from "effect"
import type { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Money } from "../kernel/Money.ts"
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
    /**
     * For checks: of captures what is kept of their fees, in minor units; null of those that a plan was in force for and that
     * were not charged, nothing of others. Locks nothing.
     */
    kept(captures: ReadonlyArray<Captured>): Effect.Effect<ReadonlyMap<AttemptId, number | null>, SqlError>
  }
>()("@mall/domain/merchants/FeeSchedule") {}
