import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { DisputesAdminRpcs, DisputesMerchantRpcs } from "@mall/domain/payments/DisputeRpcs"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { PaymentGatewayRpcs } from "@mall/domain/payments/PaymentGatewayRpcs"
import { PaymentsAdminRpcs } from "@mall/domain/payments/PaymentsAdminRpcs"
import { PaymentsMerchantRpcs } from "@mall/domain/payments/PaymentsMerchantRpcs"
import { PaymentsStorefrontRpcs } from "@mall/domain/payments/PaymentsStorefrontRpcs"
import { Effect, Layer, Option } from "effect"
import { NoMerchant } from "@mall/domain/payments/Branding"
import { Brandings } from "./cashier/Brandings.ts"
import { Confirmations } from "./lifecycle/Confirmations.ts"
import { Disputes, partyOf } from "./disputes/Disputes.ts"
import { PaymentLog } from "./log/PaymentLog.ts"
import { PaymentOperations } from "./lifecycle/PaymentOperations.ts"
import { Payments } from "./lifecycle/Payments.ts"
import { ChannelRouter, nothingTried } from "./routing/ChannelRouter.ts"
import { RoutingTables } from "./routing/RoutingTables.ts"

/** Serves `PaymentsStorefrontRpcs`. Needs the services of `PaymentServices`. */
export const storefrontLayer = PaymentsStorefrontRpcs.toLayer(
  Effect.gen(function* () {
    const confirmations = yield* Confirmations
    const payments = yield* Payments
    return PaymentsStorefrontRpcs.of({
      "payments.show": ({ id }) => CurrentUser.use((user) => payments.show(id, user)),
      "payments.list": (filter) => CurrentUser.use((user) => payments.list(filter, user)),
      "payments.confirm": ({ id, ...choice }) => CurrentUser.use((user) => confirmations.confirm(id, choice, user)),
      "payments.resume": ({ id }) => CurrentUser.use((user) => confirmations.resume(id, user)),
      "payments.cancel": ({ id }) => CurrentUser.use((user) => payments.cancel(id, user)),
      "payments.scheduleCancel": ({ at, id }) => CurrentUser.use((user) => payments.scheduleCancel(id, at, user)),
      "payments.ticket": ({ id }) => CurrentUser.use((user) => payments.issueTicket(id, user)),
      "payments.status": ({ id, ticket }) => payments.status(id, ticket)
    })
  })
)

const paymentsMerchantLayer = PaymentsMerchantRpcs.toLayer(
  Effect.gen(function* () {
    const brandings = yield* Brandings
    return PaymentsMerchantRpcs.of({
      "branding.show": () => CurrentUser.use(({ merchantId }) => brandings.of(Option.getOrNull(merchantId))),
      "branding.put": Effect.fnUntraced(function* ({ branding }) {
        const { actorName, merchantId } = yield* CurrentUser
        if (Option.isNone(merchantId)) return yield* new NoMerchant({})
        return yield* brandings.put(merchantId.value, branding, actorName)
      })
    })
  })
)

const paymentsAdminLayer = PaymentsAdminRpcs.toLayer(
  Effect.gen(function* () {
    const operations = yield* PaymentOperations
    const log = yield* PaymentLog
    const tables = yield* RoutingTables
    const router = yield* ChannelRouter
    return PaymentsAdminRpcs.of({
      "admin.routes.show": () => tables.current,
      "admin.routes.history": ({ limit }) => tables.history(limit),
      "admin.routes.put": (change) => CurrentUser.use(({ userId }) => tables.put(change, `user:${userId}`)),
      "admin.routes.explain": (question) =>
        Effect.map(router.route(question, null, nothingTried), (route) =>
          Option.match(route, { onNone: () => null, onSome: ({ decision }) => decision })
        ),
      "admin.payments.list": (filter) => operations.list(filter),
      "admin.payments.show": ({ id }) => operations.show(id),
      "admin.payments.log": ({ id, ...page }) => log.read(id, page),
      "admin.payments.query": ({ id }) => operations.query(id),
      "admin.payments.refund": ({ id, refundId, ...input }) =>
        CurrentUser.use(({ userId }) => operations.refund(id, refundId, input, `user:${userId}`)),
      "admin.payments.scheduleCancel": ({ at, id, reason }) =>
        CurrentUser.use(({ userId }) => operations.scheduleCancel(id, at, { actor: `user:${userId}`, reason })),
      "admin.callbacks.list": (filter) => operations.listCallbacks(filter),
      "admin.callbacks.show": ({ id }) => operations.showCallback(id),
      "admin.callbacks.replay": ({ id }) => operations.replayCallback(id)
    })
  })
)

const disputesMerchantLayer = DisputesMerchantRpcs.toLayer(
  Effect.map(Disputes, (disputes) =>
    DisputesMerchantRpcs.of({
      "disputes.list": (filter) => CurrentUser.use((user) => disputes.list(partyOf(user), filter)),
      "disputes.show": ({ id }) => CurrentUser.use((user) => disputes.show(partyOf(user), id)),
      "disputes.addEvidence": ({ evidence, id }) =>
        CurrentUser.use((user) => disputes.addEvidence(partyOf(user), id, evidence)),
      "disputes.submit": ({ id }) => CurrentUser.use((user) => disputes.submit(partyOf(user), id)),
      "disputes.accept": ({ id }) => CurrentUser.use((user) => disputes.accept(partyOf(user), id))
    })
  )
)

/** Serves `PaymentsMerchantRpcs` and `DisputesMerchantRpcs`. Needs the services of `PaymentServices`. */
export const merchantLayer = Layer.mergeAll(paymentsMerchantLayer, disputesMerchantLayer)

const adminDisputesLayer = DisputesAdminRpcs.toLayer(
  Effect.map(Disputes, (disputes) =>
    DisputesAdminRpcs.of({
      "admin.disputes.list": (filter) => CurrentUser.use((user) => disputes.list(partyOf(user), filter)),
      "admin.disputes.show": ({ id }) => CurrentUser.use((user) => disputes.show(partyOf(user), id)),
      "admin.disputes.addEvidence": ({ evidence, id }) =>
        CurrentUser.use((user) => disputes.addEvidence(partyOf(user), id, evidence)),
      "admin.disputes.submit": ({ id }) => CurrentUser.use((user) => disputes.submit(partyOf(user), id)),
      "admin.disputes.accept": ({ id }) => CurrentUser.use((user) => disputes.accept(partyOf(user), id)),
      "admin.disputes.sync": ({ id }) => CurrentUser.use((user) => disputes.sync(partyOf(user), id))
    })
  )
)

/** Serves `PaymentsAdminRpcs` and `DisputesAdminRpcs`. Needs the services of `PaymentServices`. */
export const adminLayer = Layer.mergeAll(paymentsAdminLayer, adminDisputesLayer)

/** Serves `PaymentGatewayRpcs`. Needs `PaymentGateway`. */
export const gatewayLayer = PaymentGatewayRpcs.toLayer(
  Effect.gen(function* () {
    const gateway = yield* PaymentGateway
    return PaymentGatewayRpcs.of({
      "gateway.create": (request) => gateway.create(request),
      "gateway.find": ({ ids }) => Effect.map(gateway.find(ids), (found) => [...found.values()]),
      "gateway.settle": ({ id }) => gateway.settle(id),
      "gateway.close": ({ id, reason }) => gateway.close(id, reason),
      "gateway.refund": (refund) => gateway.refund(refund)
    })
  })
)
