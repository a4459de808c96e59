import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { PaymentsAdminRpcs } from "@mall/domain/payments/PaymentsAdminRpcs"
import { PaymentsMerchantRpcs } from "@mall/domain/payments/PaymentsMerchantRpcs"
import { PaymentsStorefrontRpcs } from "@mall/domain/payments/PaymentsStorefrontRpcs"
import { Effect, Option } from "effect"
import { NoMerchant } from "@mall/domain/payments/Branding"
import { Brandings } from "./cashier/Brandings.ts"
import { Confirmations } from "./Confirmations.ts"
import { PaymentLog } from "./log/PaymentLog.ts"
import { PaymentOperations } from "./PaymentOperations.ts"
import { Payments } from "./Payments.ts"
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
      "payments.ticket": ({ id }) => CurrentUser.use((user) => payments.issueTicket(id, user)),
      "payments.status": ({ id, ticket }) => payments.status(id, ticket)
    })
  })
)

/** Serves `PaymentsMerchantRpcs`. Needs the services of `PaymentServices`. */
export const merchantLayer = PaymentsMerchantRpcs.toLayer(
  Effect.gen(function* () {
    const brandings = yield* Brandings
    return PaymentsMerchantRpcs.of({
      "branding.show": () => CurrentUser.use(({ merchantId }) => brandings.of(Option.getOrNull(merchantId))),
      "branding.put": Effect.fnUntraced(function* ({ branding }) {
        const { merchantId, userId } = yield* CurrentUser
        if (Option.isNone(merchantId)) return yield* new NoMerchant({})
        return yield* brandings.put(merchantId.value, branding, `user:${userId}`)
      })
    })
  })
)

/** Serves `PaymentsAdminRpcs`. Needs the services of `PaymentServices`. */
export const adminLayer = PaymentsAdminRpcs.toLayer(
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
      "admin.callbacks.list": (filter) => operations.listCallbacks(filter),
      "admin.callbacks.show": ({ id }) => operations.showCallback(id),
      "admin.callbacks.replay": ({ id }) => operations.replayCallback(id)
    })
  })
)
