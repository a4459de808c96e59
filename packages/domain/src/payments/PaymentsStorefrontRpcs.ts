import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { InvalidCursor, pageRequest } from "../kernel/Page.ts"
import { RateLimit } from "../kernel/RateLimit.ts"
import { PlainText } from "../kernel/PlainText.ts"
import { ChannelChoice, Payment, PaymentPage, PaymentStep, TicketedStatus, IssuedTicket } from "./Payment.ts"
import { ResumeWindowPassed, TicketInvalid } from "./PaymentError.ts"
import { PaymentId, PaymentNotFound, PaymentStateConflict, PaymentUndecided } from "./PaymentGateway.ts"
import { confirmErrors, looks } from "./PaymentsApi.ts"

/** What a shop's front end does with its buyer's payments. The same services as the HTTP API serve it. */
export class PaymentsStorefrontRpcs extends RpcGroup.make(
  Rpc.make("payments.show", { payload: { id: PaymentId }, success: Payment, error: PaymentNotFound })
    .middleware(RpcAuthorization)
    .annotate(RequiredPermission, "account"),
  Rpc.make("payments.list", {
    payload: { ...pageRequest, reference: Schema.optionalKey(PlainText(200)) },
    success: PaymentPage,
    error: InvalidCursor
  })
    .middleware(RpcAuthorization)
    .annotate(RequiredPermission, "account"),
  Rpc.make("payments.confirm", {
    payload: { id: PaymentId, ...ChannelChoice.fields },
    success: PaymentStep,
    error: Schema.Union(confirmErrors)
  })
    .middleware(RpcAuthorization)
    .annotate(RequiredPermission, "account"),
  Rpc.make("payments.resume", {
    payload: { id: PaymentId },
    success: PaymentStep,
    error: Schema.Union([...confirmErrors, ResumeWindowPassed])
  })
    .middleware(RpcAuthorization)
    .annotate(RequiredPermission, "account"),
  Rpc.make("payments.cancel", {
    payload: { id: PaymentId },
    success: Payment,
    error: Schema.Union([PaymentNotFound, PaymentStateConflict, PaymentUndecided])
  })
    .middleware(RpcAuthorization)
    .annotate(RequiredPermission, "account"),
  Rpc.make("payments.scheduleCancel", {
    payload: { id: PaymentId, at: Schema.NullOr(Schema.Date) },
    success: Payment,
    error: Schema.Union([PaymentNotFound, PaymentStateConflict])
  })
    .middleware(RpcAuthorization)
    .annotate(RequiredPermission, "account"),
  Rpc.make("payments.ticket", { payload: { id: PaymentId }, success: IssuedTicket, error: PaymentNotFound })
    .middleware(RpcAuthorization)
    .annotate(RequiredPermission, "account"),
  Rpc.make("payments.status", {
    payload: { id: PaymentId, ticket: PlainText(200) },
    success: TicketedStatus,
    error: TicketInvalid
  })
    .annotate(RequiredPermission, "public")
    .annotate(RateLimit, looks)
) {}
