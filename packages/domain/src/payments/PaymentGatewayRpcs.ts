import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { ServiceAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { payments } from "../identity/ServiceName.ts"
import { CalledService } from "../identity/ServiceToken.ts"
import { PositiveMoney } from "../kernel/Money.ts"
import { PlainText } from "../kernel/PlainText.ts"
import { PaymentLimitExceeded, QuotaExceeded } from "../merchants/TermsError.ts"
import { Audited } from "../operations/Audit.ts"
import {
  PaymentId,
  PaymentNotFound,
  PaymentRequest,
  PaymentStateConflict,
  PaymentSummary,
  PaymentUndecided,
  RefundExceedsCapture,
  RefundId
} from "./PaymentGateway.ts"

/** Payments that are asked for at once. */
export const maxFound = 500

/** How long texts are that people wrote, and the mall passes on. */
const Text = PlainText(2000)

/**
 * The port `PaymentGateway` for other processes. A call may be repeated: it is idempotent as the port is. What is done is in
 * the history of the payment, under the name of the service that called; the audit trail is about people.
 */
export class PaymentGatewayRpcs extends RpcGroup.make(
  Rpc.make("gateway.create", {
    payload: { ...PaymentRequest.fields, amount: PositiveMoney, reference: Text, description: Text },
    success: PaymentSummary,
    error: Schema.Union([PaymentLimitExceeded, QuotaExceeded])
  }),
  Rpc.make("gateway.find", {
    payload: { ids: Schema.Array(PaymentId).check(Schema.isMaxLength(maxFound)) },
    success: Schema.Array(PaymentSummary)
  }),
  Rpc.make("gateway.settle", {
    payload: { id: PaymentId },
    success: PaymentSummary,
    error: Schema.Union([PaymentNotFound, PaymentUndecided])
  }),
  Rpc.make("gateway.close", {
    payload: { id: PaymentId, reason: Text },
    success: Schema.Literals(["canceled", "succeeded"]),
    error: Schema.Union([PaymentNotFound, PaymentUndecided])
  }),
  Rpc.make("gateway.refund", {
    payload: { id: RefundId, paymentId: PaymentId, amount: PositiveMoney, reason: Text },
    error: Schema.Union([PaymentNotFound, RefundExceedsCapture, PaymentStateConflict])
  })
)
  .annotateRpcs(RequiredPermission, "service")
  .annotateRpcs(CalledService, payments)
  .annotateRpcs(Audited, "nothing")
  .middleware(ServiceAuthorization) {}
