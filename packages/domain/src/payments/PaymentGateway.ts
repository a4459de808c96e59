import { Context, Schema } from "effect"
import type { Effect } from "effect"
import { UserId } from "../identity/CurrentUser.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { Money } from "../kernel/Money.ts"
import { Problem } from "../kernel/Problem.ts"
import type { PaymentLimitExceeded, QuotaExceeded } from "../merchants/TermsError.ts"

export const PaymentId = Uuid7.pipe(Schema.brand("PaymentId"), Schema.annotate({ identifier: "PaymentId" }))
export type PaymentId = typeof PaymentId.Type

export const RefundId = Uuid7.pipe(Schema.brand("RefundId"), Schema.annotate({ identifier: "RefundId" }))
export type RefundId = typeof RefundId.Type

/** The states of an intent, with the names of the source documents: 待支付, 支付中, 支付成功, 支付失败, 已取消, 退款中, 已退款. */
export const PaymentStatus = Schema.Literals([
  "pending",
  "processing",
  "succeeded",
  "failed",
  "canceled",
  "refunding",
  "partially_refunded",
  "refunded"
]).annotate({ identifier: "PaymentStatus" })
export type PaymentStatus = typeof PaymentStatus.Type

/** What another context may know of a payment. */
export class PaymentSummary extends Schema.Class<PaymentSummary>("PaymentSummary")({
  id: PaymentId,
  status: PaymentStatus,
  amount: Money,
  refunded: Money,
  /** What the creator calls the thing that is paid: the mall gives its checkout id. */
  reference: Schema.String,
  expiresAt: Schema.Date,
  /** When its whole amount was captured; null before. */
  paidAt: Schema.NullOr(Schema.Date),
  /** Why there is no such payment yet: by what the mall's payments may be, each or together. Looked at later, it is asked for again. */
  refusedBy: Schema.optionalKey(Schema.Literals(["limit", "quota"]))
}) {}

export const PaymentRequest = Schema.Struct({
  /** Chosen by the caller; the same id again returns the payment that exists. */
  id: PaymentId,
  payerId: UserId,
  amount: Money,
  reference: Schema.String,
  description: Schema.String,
  expiresAt: Schema.Date
})
export type PaymentRequest = typeof PaymentRequest.Type

/** No such payment, or it is not the caller's. */
export class PaymentNotFound extends Problem<PaymentNotFound>()("PaymentNotFound", {
  status: 404,
  title: "There is no such payment",
  fields: { paymentId: Schema.String }
}) {}

/** The refund would take more than was captured and is not yet refunded; `refundable` is what may still be. */
export class RefundExceedsCapture extends Problem<RefundExceedsCapture>()("RefundExceedsCapture", {
  status: 422,
  title: "More than what was paid cannot be refunded",
  fields: { refundable: Money }
}) {}

/** The payment is in a state in which this cannot be done. */
export class PaymentStateConflict extends Problem<PaymentStateConflict>()("PaymentStateConflict", {
  status: 409,
  title: "The payment is not in a state for this",
  fields: { paymentId: PaymentId, paymentStatus: PaymentStatus },
  detail: ({ paymentStatus }) => `The payment is ${paymentStatus}`
}) {}

/** The channel gave no clear answer: nothing is decided. Ask again later; never guess. */
export class PaymentUndecided extends Problem<PaymentUndecided>()("PaymentUndecided", {
  status: 503,
  title: "The payment channel gave no clear answer yet",
  fields: { paymentId: PaymentId }
}) {}

/** The pay platform cannot be reached at present. Nothing was done; try again after `retryAfterSeconds` (also in `Retry-After`). */
export class PaymentsUnavailable extends Problem<PaymentsUnavailable>()("PaymentsUnavailable", {
  status: 503,
  title: "Payments cannot be taken at present",
  fields: { retryAfterSeconds: Schema.Int },
  detail: ({ retryAfterSeconds }) => `Nothing was done; try again in ${retryAfterSeconds} s`
}) {}

/**
 * The port through which the mall has money moved. Owned by payments; `packages/client` implements it over RPC.
 *
 * - `create` is idempotent by `id`. It calls no channel: a payment that nobody confirms costs nothing. Concurrent calls
 *   share one statement. One that the limits of the mall's own payments refuse is not made, and may be asked for again.
 * - `settle` returns the truth, asking the channel about every attempt whose outcome is open.
 * - `close` makes sure that nothing more can be paid: it asks about open attempts, closes them at the channel and cancels.
 *   It answers `succeeded` where the buyer was faster: the money has moved, and the caller must deliver or refund.
 * - `refund` is idempotent by `id`. The answer says that the refund is on its way; `payment_refunded` tells its end.
 *
 * - `ready` fails where it is known that no call would be answered now. It asks nobody, so success promises nothing.
 *
 * Outcomes that happen later arrive as the messages of `PaymentTopics.ts`.
 */
export class PaymentGateway extends Context.Service<
  PaymentGateway,
  {
    readonly ready: Effect.Effect<void, PaymentsUnavailable>
    create(request: PaymentRequest): Effect.Effect<PaymentSummary, PaymentLimitExceeded | QuotaExceeded>
    find(ids: ReadonlyArray<PaymentId>): Effect.Effect<ReadonlyMap<PaymentId, PaymentSummary>>
    settle(id: PaymentId): Effect.Effect<PaymentSummary, PaymentNotFound | PaymentUndecided>
    close(id: PaymentId, reason: string): Effect.Effect<"canceled" | "succeeded", PaymentNotFound | PaymentUndecided>
    refund(refund: {
      readonly id: RefundId
      readonly paymentId: PaymentId
      readonly amount: Money
      readonly reason: string
    }): Effect.Effect<void, PaymentNotFound | RefundExceedsCapture | PaymentStateConflict>
  }
>()("@mall/domain/payments/PaymentGateway") {}
