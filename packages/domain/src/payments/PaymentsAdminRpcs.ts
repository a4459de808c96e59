import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { CurrencyMismatch } from "../kernel/Money.ts"
import { InvalidCursor, pageRequest } from "../kernel/Page.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import { RefundAgainstPolicy } from "../merchants/PolicyError.ts"
import { Audited } from "../operations/Audit.ts"
import { OperatorRefund, Payment, PaymentPage, Refund } from "./Payment.ts"
import { Callback, CallbackPage, CallbackStatus, PaymentDetails } from "./PaymentDetails.ts"
import { CallbackNotFound, RefundIdTaken } from "./PaymentError.ts"
import {
  PaymentId,
  PaymentNotFound,
  PaymentStateConflict,
  PaymentStatus,
  PaymentUndecided,
  RefundExceedsCapture,
  RefundId
} from "./PaymentGateway.ts"
import { PaymentLogPage } from "./PaymentLog.ts"
import {
  RouteDecision,
  RouteQuestion,
  RoutingChange,
  RoutingTable,
  RoutingTableChanged,
  UnknownChannel
} from "./Routing.ts"

const AnyText = PlainText(200)

/** What an operator does with everybody's payments. */
export class PaymentsAdminRpcs extends RpcGroup.make(
  Rpc.make("admin.payments.list", {
    payload: {
      ...pageRequest,
      reference: Schema.optionalKey(AnyText),
      status: Schema.optionalKey(PaymentStatus)
    },
    success: PaymentPage,
    error: InvalidCursor
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "payments:administer"),
  Rpc.make("admin.payments.show", {
    payload: { id: PaymentId },
    success: PaymentDetails,
    error: PaymentNotFound
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "payments:administer"),
  /** Everything that happened to it, oldest first: calls to channels, changes of state, notices, incidents. */
  Rpc.make("admin.payments.log", {
    payload: { id: PaymentId, ...pageRequest },
    success: PaymentLogPage,
    error: Schema.Union([InvalidCursor, PaymentNotFound])
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "payments:administer"),
  /** Asks the channels now about everything of this payment that is open. */
  Rpc.make("admin.payments.query", {
    payload: { id: PaymentId },
    success: PaymentDetails,
    error: Schema.Union([PaymentNotFound, PaymentUndecided])
  })
    .annotate(Audited, "payment.query")
    .annotate(RequiredPermission, "payments:administer"),
  /** The same `refundId` again answers with the refund that exists. */
  Rpc.make("admin.payments.refund", {
    payload: { id: PaymentId, refundId: RefundId, ...OperatorRefund.fields },
    success: Refund,
    error: Schema.Union([
      PaymentNotFound,
      PaymentStateConflict,
      RefundExceedsCapture,
      RefundAgainstPolicy,
      RefundIdTaken,
      CurrencyMismatch
    ])
  })
    .annotate(Audited, "payment.refund")
    .annotate(RequiredPermission, "payments:administer"),
  /** Has the payment canceled by itself at `at`; null takes that back. */
  Rpc.make("admin.payments.scheduleCancel", {
    payload: { id: PaymentId, at: Schema.NullOr(Schema.Date), reason: NonBlankText(400) },
    success: Payment,
    error: Schema.Union([PaymentNotFound, PaymentStateConflict])
  })
    .annotate(Audited, "payment.schedule_cancel")
    .annotate(RequiredPermission, "payments:administer"),
  Rpc.make("admin.routes.show", { success: RoutingTable })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "payments:administer"),
  Rpc.make("admin.routes.history", {
    payload: { limit: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })) },
    success: Schema.Array(RoutingTable)
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "payments:administer"),
  /** Replaces all rules; `version` is the table that the change was made from. */
  Rpc.make("admin.routes.put", {
    payload: RoutingChange.fields,
    success: RoutingTable,
    error: Schema.Union([RoutingTableChanged, UnknownChannel])
  })
    .annotate(Audited, "routes.put")
    .annotate(RequiredPermission, "payments:administer"),
  /** Where such a payment would go now, and why; null where nowhere. */
  Rpc.make("admin.routes.explain", {
    payload: RouteQuestion.fields,
    success: Schema.NullOr(RouteDecision)
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "payments:administer"),
  Rpc.make("admin.callbacks.list", {
    payload: {
      ...pageRequest,
      status: Schema.optionalKey(CallbackStatus),
      channel: Schema.optionalKey(AnyText)
    },
    success: CallbackPage,
    error: InvalidCursor
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "payments:administer"),
  Rpc.make("admin.callbacks.show", {
    payload: { id: Uuid7 },
    success: Callback,
    error: CallbackNotFound
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "payments:administer"),
  /** Acts upon a stored notice once more; it changes nothing where it was acted upon before. */
  Rpc.make("admin.callbacks.replay", {
    payload: { id: Uuid7 },
    success: Callback,
    error: CallbackNotFound
  })
    .annotate(Audited, "callback.replay")
    .annotate(RequiredPermission, "payments:administer")
).middleware(RpcAuthorization) {}
