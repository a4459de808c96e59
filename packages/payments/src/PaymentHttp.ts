import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { Effect, Layer } from "effect"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { receiveCallback } from "./callbacks/receiveCallback.ts"
import { Callbacks } from "./callbacks/Callbacks.ts"
import { CashierHandlers } from "./cashier/CashierHttp.ts"
import { Confirmations } from "./lifecycle/Confirmations.ts"
import { Disputes, partyOf } from "./disputes/Disputes.ts"
import { Payments } from "./lifecycle/Payments.ts"

const PaymentsHandlers = ApiGroup.group(
  MallApi,
  "payments",
  Effect.fn(function* (handlers) {
    const confirmations = yield* Confirmations
    const payments = yield* Payments
    return handlers.handleAll({
      create: ({ payload }) =>
        Effect.flatMap(Effect.all([CurrentUser, Operation]), ([user, { id }]) => payments.create(payload, user, id)),
      list: ({ query }) => CurrentUser.use((user) => payments.list(query, user)),
      show: ({ params }) => CurrentUser.use((user) => payments.show(params.id, user)),
      confirm: ({ params, payload }) => CurrentUser.use((user) => confirmations.confirm(params.id, payload, user)),
      cancel: ({ params }) => CurrentUser.use((user) => payments.cancel(params.id, user)),
      scheduleCancel: ({ params, payload }) =>
        CurrentUser.use((user) => payments.scheduleCancel(params.id, payload.at, user)),
      resume: ({ params }) => CurrentUser.use((user) => confirmations.resume(params.id, user)),
      refund: ({ params, payload }) =>
        Effect.flatMap(Effect.all([CurrentUser, Operation]), ([user, { id }]) =>
          payments.refund(params.id, payload, user, id)
        ),
      listRefunds: ({ params, query }) => CurrentUser.use((user) => payments.listRefunds(params.id, query, user)),
      showRefund: ({ params }) => CurrentUser.use((user) => payments.showRefund(params.id, params.refundId, user)),
      issueTicket: ({ params }) => CurrentUser.use((user) => payments.issueTicket(params.id, user)),
      status: ({ params, query }) => payments.status(params.id, query.ticket)
    })
  })
)

const DisputesHandlers = ApiGroup.group(
  MallApi,
  "disputes",
  Effect.fn(function* (handlers) {
    const disputes = yield* Disputes
    return handlers.handleAll({
      list: ({ query }) => CurrentUser.use((user) => disputes.list(partyOf(user), query)),
      show: ({ params }) => CurrentUser.use((user) => disputes.show(partyOf(user), params.id)),
      addEvidence: ({ params, payload }) =>
        CurrentUser.use((user) => disputes.addEvidence(partyOf(user), params.id, payload)),
      submit: ({ params }) => CurrentUser.use((user) => disputes.submit(partyOf(user), params.id)),
      accept: ({ params }) => CurrentUser.use((user) => disputes.accept(partyOf(user), params.id))
    })
  })
)

const H5Handlers = ApiGroup.group(
  MallApi,
  "h5Payments",
  Effect.fn(function* (handlers) {
    const payments = yield* Payments
    return handlers.handleAll({
      start: ({ payload: { orderNo, ...choice } }) => CurrentUser.use((user) => payments.start(orderNo, choice, user)),
      status: ({ params, query }) => payments.statusOfOrder(params.orderNo, query.ticket),
      resume: ({ params }) => CurrentUser.use((user) => payments.resumeOrder(params.orderNo, user))
    })
  })
)

const opening = "<".charCodeAt(0)

/** At the address of the source documents: XML is of API v2, JSON of v3. */
const wechatChannelOf = (body: Uint8Array) => ({
  channel: body[0] === opening ? "wechatpay_v2" : "wechatpay"
})

const CallbacksHandlers = ApiGroup.group(
  MallApi,
  "callbacks",
  Effect.fn(function* (handlers) {
    const callbacks = yield* Callbacks
    return handlers
      .handleRaw("receive", ({ params, request }) => receiveCallback(callbacks, params, request))
      .handleRaw("receiveOwn", ({ params, request }) => receiveCallback(callbacks, params, request))
      .handleRaw("receiveWechatPay", ({ request }) => receiveCallback(callbacks, wechatChannelOf, request))
  })
)

/** Serves the groups `payments`, `disputes`, `h5Payments`, `cashier` and `callbacks`. Needs the services of `PaymentServices` and the middlewares. */
export const layer = Layer.mergeAll(PaymentsHandlers, DisputesHandlers, H5Handlers, CallbacksHandlers, CashierHandlers)
