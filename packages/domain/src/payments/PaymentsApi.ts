import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { CurrencyMismatch } from "../kernel/Money.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, pageQuery } from "../kernel/Page.ts"
import { PlainText } from "../kernel/PlainText.ts"
import { RateLimit } from "../kernel/RateLimit.ts"
import type { RateLimitPolicy } from "../kernel/RateLimit.ts"
import { PaymentWayNotAllowed, RefundAgainstPolicy } from "../merchants/PolicyError.ts"
import { PaymentLimitExceeded, QuotaExceeded } from "../merchants/TermsError.ts"
import { MerchantSuspended } from "../merchants/MerchantError.ts"
import { Audited } from "../operations/Audit.ts"
import {
  CancelTime,
  ChannelChoice,
  CreatedPayment,
  IssuedTicket,
  NewPayment,
  NewRefund,
  Payment,
  PaymentPage,
  PaymentStep,
  Refund,
  RefundPage,
  TicketedStatus
} from "./Payment.ts"
import {
  ChannelNotOffered,
  ChannelUnavailable,
  PaymentChallenged,
  PaymentDeclined,
  PaymentExpired,
  PaymentInReview,
  PaymentRefused,
  PaymentUnchecked,
  RefundNotFound,
  ResumeWindowPassed,
  TicketInvalid
} from "./PaymentError.ts"
import {
  PaymentId,
  PaymentNotFound,
  PaymentStateConflict,
  PaymentUndecided,
  RefundExceedsCapture,
  RefundId
} from "./PaymentGateway.ts"

/** What may go wrong when a buyer confirms or takes up a payment again. */
export const confirmErrors = [
  PaymentNotFound,
  PaymentStateConflict,
  PaymentExpired,
  PaymentUndecided,
  PaymentDeclined,
  ChannelNotOffered,
  ChannelUnavailable,
  PaymentWayNotAllowed,
  PaymentRefused,
  PaymentChallenged,
  PaymentInReview,
  PaymentUnchecked
] as const

const created = HttpApiSchema.status(201)

/** A page polls every second or two; who guesses tickets or order numbers asks more often. Over HTTP and RPC alike. */
export const looks: RateLimitPolicy = {
  name: "payment_status",
  by: "ip",
  algorithm: "token-bucket",
  limit: 120,
  window: "1 minute"
}
const ofPayment = { id: PaymentId }

/** A text that the service itself judges: a wrong one gets its own problem instead of a shape error. */
const AnyText = PlainText(200)

export class PaymentsApiGroup extends HttpApiGroup.make("payments")
  .add(
    HttpApiEndpoint.post("create", "/api/v1/payments", {
      payload: NewPayment,
      success: CreatedPayment.pipe(created),
      error: [MerchantSuspended, PaymentLimitExceeded, PaymentWayNotAllowed, QuotaExceeded]
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "payments:create")
      .annotate(Audited, "payment.create")
      .annotateMerge(OpenApi.annotations({ title: "Create a payment", description: "Calls no channel yet." })),
    HttpApiEndpoint.get("list", "/api/v1/payments", {
      query: { ...pageQuery, reference: Schema.optionalKey(AnyText) },
      success: PaymentPage,
      error: InvalidCursor
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "payments:read")
      .annotateMerge(OpenApi.annotations({ title: "List own payments, newest first" })),
    HttpApiEndpoint.get("show", "/api/v1/payments/:id", {
      params: ofPayment,
      success: Payment,
      error: PaymentNotFound
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "payments:read")
      .annotateMerge(OpenApi.annotations({ title: "Read an own payment" })),
    HttpApiEndpoint.post("confirm", "/api/v1/payments/:id/confirm", {
      params: ofPayment,
      payload: ChannelChoice,
      success: PaymentStep,
      error: confirmErrors
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "payments:write")
      .annotateMerge(
        OpenApi.annotations({
          title: "Choose a channel and start to pay",
          description:
            "While a try is open, the same channel answers with the same action; another channel closes the former try first. " +
            "An action of type `none` means that the channel has not answered clearly: ask for the status, then confirm again."
        })
      ),
    HttpApiEndpoint.post("cancel", "/api/v1/payments/:id/cancel", {
      params: ofPayment,
      success: Payment,
      error: [PaymentNotFound, PaymentStateConflict, PaymentUndecided]
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "payments:write")
      .annotate(Audited, "payment.cancel")
      .annotateMerge(
        OpenApi.annotations({
          title: "Cancel a payment",
          description: "Closes it at the channel first. A payment that was paid meanwhile is a 409."
        })
      ),
    HttpApiEndpoint.put("scheduleCancel", "/api/v1/payments/:id/cancel-at", {
      params: ofPayment,
      payload: CancelTime,
      success: Payment,
      error: [PaymentNotFound, PaymentStateConflict]
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "payments:write")
      .annotate(Audited, "payment.schedule_cancel")
      .annotateMerge(
        OpenApi.annotations({
          title: "Say when a payment is canceled by itself",
          description: "It may be paid until then, and is closed at the channel first. A payment that is over is a 409."
        })
      ),
    HttpApiEndpoint.post("resume", "/api/v1/payments/:id/resume", {
      params: ofPayment,
      success: PaymentStep,
      error: [...confirmErrors, ResumeWindowPassed]
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "payments:write")
      .annotateMerge(
        OpenApi.annotations({
          title: "Take up a payment again",
          description: "Asks about the former try, closes it at the channel and starts a new one."
        })
      ),
    HttpApiEndpoint.post("refund", "/api/v1/payments/:id/refunds", {
      params: ofPayment,
      payload: NewRefund,
      success: Refund.pipe(created),
      error: [PaymentNotFound, PaymentStateConflict, RefundExceedsCapture, RefundAgainstPolicy, CurrencyMismatch]
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "payments:refund")
      .annotate(Audited, "payment.refund")
      .annotateMerge(OpenApi.annotations({ title: "Refund all that is left, or a part" })),
    HttpApiEndpoint.get("listRefunds", "/api/v1/payments/:id/refunds", {
      params: ofPayment,
      query: pageQuery,
      success: RefundPage,
      error: [PaymentNotFound, InvalidCursor]
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "payments:read")
      .annotateMerge(OpenApi.annotations({ title: "List the refunds of a payment, newest first" })),
    HttpApiEndpoint.get("showRefund", "/api/v1/payments/:id/refunds/:refundId", {
      params: { ...ofPayment, refundId: RefundId },
      success: Refund,
      error: RefundNotFound
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "payments:read")
      .annotateMerge(OpenApi.annotations({ title: "Read a refund" })),
    HttpApiEndpoint.post("issueTicket", "/api/v1/payments/:id/tickets", {
      params: ofPayment,
      success: IssuedTicket.pipe(created),
      error: PaymentNotFound
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "payments:write")
      .annotateMerge(
        OpenApi.annotations({
          title: "Open the cashier",
          description: "A new ticket of an own payment, and the page where it is paid."
        })
      ),
    HttpApiEndpoint.get("status", "/api/v1/payments/:id/status", {
      params: ofPayment,
      query: { ticket: AnyText },
      success: TicketedStatus,
      error: TicketInvalid
    })
      .annotate(RequiredPermission, "public")
      .annotate(RateLimit, looks)
      .annotateMerge(
        OpenApi.annotations({
          title: "Look at a payment with a ticket",
          description: "Each good answer carries the next ticket; the one shown is spent."
        })
      )
  )
  .annotateMerge(OpenApi.annotations({ title: "Payments" })) {}

/** The buyer's page of a phone browser: the same, at the paths of the source documents. `orderNo` is the payment's reference. */
export class H5PaymentsApiGroup extends HttpApiGroup.make("h5Payments")
  .add(
    HttpApiEndpoint.post("start", "/api/h5/payments", {
      payload: Schema.Struct({ orderNo: AnyText, ...ChannelChoice.fields }),
      success: PaymentStep.pipe(created),
      error: confirmErrors
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "account")
      .annotateMerge(OpenApi.annotations({ title: "Start to pay an order" })),
    HttpApiEndpoint.get("status", "/api/h5/orders/:orderNo/status", {
      params: { orderNo: AnyText },
      query: { ticket: AnyText },
      success: TicketedStatus,
      error: TicketInvalid
    })
      .annotate(RequiredPermission, "public")
      .annotate(RateLimit, looks)
      .annotateMerge(OpenApi.annotations({ title: "Look at an order's payment with a ticket" })),
    HttpApiEndpoint.post("resume", "/api/h5/payments/:orderNo/resume", {
      params: { orderNo: AnyText },
      success: PaymentStep,
      error: [...confirmErrors, ResumeWindowPassed]
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "account")
      .annotateMerge(OpenApi.annotations({ title: "Take up an order's payment again" }))
  )
  .annotateMerge(OpenApi.annotations({ title: "Payments from a phone's page" })) {}

/** Where the channels send their notices. The body is read raw, for it is signed as it is; the answer is in the channel's format. */
export class CallbacksApiGroup extends HttpApiGroup.make("callbacks")
  .add(
    HttpApiEndpoint.post("receive", "/callbacks/:channel", {
      params: { channel: AnyText },
      success: Schema.Unknown
    })
      .annotate(RequiredPermission, "public")
      .annotateMerge(OpenApi.annotations({ title: "Receive a channel's notice" })),
    HttpApiEndpoint.post("receiveOwn", "/callbacks/:channel/:account", {
      params: { channel: AnyText, account: AnyText },
      success: Schema.Unknown
    })
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        OpenApi.annotations({
          title: "Receive a channel's notice about a merchant's own account",
          description: "`account` is the id of the merchant. Only their own credentials verify it."
        })
      ),
    HttpApiEndpoint.post("receiveWechatPay", "/api/webhook/wechat/payment", { success: Schema.Unknown })
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        OpenApi.annotations({
          title: "Receive a notice of WeChat Pay",
          description: "The same as `/callbacks/wechatpay`, at the path of the source documents."
        })
      )
  )
  .annotateMerge(OpenApi.annotations({ title: "Channels' callbacks" })) {}
