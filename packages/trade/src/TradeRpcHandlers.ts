import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { TradeAdminRpcs, TradeMerchantRpcs, TradeStorefrontRpcs } from "@mall/domain/trade/TradeRpc"
import { Effect, Layer, Option } from "effect"
import { Carts } from "./Carts.ts"
import type { CartVisitor } from "./Carts.ts"
import { Checkouts } from "./Checkouts.ts"
import { Fulfilment } from "./Fulfilment.ts"
import { OrderCancellation } from "./OrderCancellation.ts"
import { OrderExpiryRules } from "./OrderExpiryRules.ts"
import { Orders } from "./Orders.ts"
import { boughtBy, soldBy, within } from "./OrderScope.ts"
import { PaymentIncidents } from "./PaymentIncidents.ts"
import { Returns } from "./returns/Returns.ts"

const visitor = Effect.map(CurrentUser, (user): CartVisitor => ({ principal: Option.some(user), token: undefined }))

const storefront = TradeStorefrontRpcs.toLayer(
  Effect.gen(function* () {
    const carts = yield* Carts
    const checkouts = yield* Checkouts
    const orders = yield* Orders
    const cancellation = yield* OrderCancellation
    const fulfilment = yield* Fulfilment
    const returns = yield* Returns
    return TradeStorefrontRpcs.of({
      "cart.get": () => Effect.flatMap(visitor, carts.get),
      "cart.add": ({ additionId, ...item }) => Effect.flatMap(visitor, (user) => carts.add(user, item, additionId)),
      "cart.set": ({ quantity, skuId }) => Effect.flatMap(visitor, (user) => carts.set(user, skuId, quantity)),
      "cart.remove": ({ skuId }) => Effect.flatMap(visitor, (user) => carts.remove(user, skuId)),
      "cart.clear": () => Effect.flatMap(visitor, carts.clear),
      "cart.merge": ({ cartToken }) => Effect.flatMap(CurrentUser, ({ userId }) => carts.merge(userId, cartToken)),
      checkout: ({ checkoutId, request }) =>
        Effect.flatMap(CurrentUser, (user) => checkouts.checkout(user, checkoutId, request)),
      "orders.list": (query) => Effect.flatMap(CurrentUser, (user) => orders.list(boughtBy(user), query)),
      "orders.get": ({ id }) => Effect.flatMap(CurrentUser, (user) => orders.get(boughtBy(user), id)),
      "orders.edit": ({ edit, id }) => Effect.flatMap(CurrentUser, (user) => orders.edit(user, id, edit)),
      "orders.cancel": ({ id }) => Effect.flatMap(CurrentUser, (user) => cancellation.cancel(user, id)),
      "orders.confirmReceipt": ({ id }) => Effect.flatMap(CurrentUser, (user) => fulfilment.confirmReceipt(user, id)),
      "returns.request": ({ goods, id, returnId }) =>
        Effect.flatMap(CurrentUser, (user) => returns.request(user, id, returnId, goods)),
      "returns.list": Effect.fnUntraced(function* ({ id, ...query }) {
        const scope = boughtBy(yield* CurrentUser)
        yield* orders.get(scope, id)
        return yield* returns.list(scope, { ...query, orderId: id })
      }),
      "returns.cancel": ({ id, returnId }) => Effect.flatMap(CurrentUser, (user) => returns.cancel(user, id, returnId))
    })
  })
)

const merchant = TradeMerchantRpcs.toLayer(
  Effect.gen(function* () {
    const orders = yield* Orders
    const cancellation = yield* OrderCancellation
    const fulfilment = yield* Fulfilment
    const returns = yield* Returns
    return TradeMerchantRpcs.of({
      "orders.listSold": (query) => Effect.flatMap(CurrentUser, (user) => orders.list(soldBy(user), query)),
      "orders.getSold": ({ id }) => Effect.flatMap(CurrentUser, (user) => orders.get(soldBy(user), id)),
      "orders.ship": ({ id, shipment }) => Effect.flatMap(CurrentUser, (user) => fulfilment.ship(user, id, shipment)),
      "orders.deliver": ({ id }) => Effect.flatMap(CurrentUser, (user) => fulfilment.deliver(user, id)),
      "orders.cancelSold": ({ id }) => Effect.flatMap(CurrentUser, (user) => cancellation.cancel(user, id)),
      "returns.listSold": (query) => Effect.flatMap(CurrentUser, (user) => returns.list(soldBy(user), query)),
      "returns.approve": ({ id, returnId }) =>
        Effect.flatMap(CurrentUser, (user) => returns.approve(user, id, returnId)),
      "returns.reject": ({ id, rejection, returnId }) =>
        Effect.flatMap(CurrentUser, (user) => returns.reject(user, id, returnId, rejection.reason)),
      "returns.receive": ({ id, receipt, returnId }) =>
        Effect.flatMap(CurrentUser, (user) => returns.receive(user, id, returnId, receipt.restock)),
      "returns.refundAgain": ({ id, returnId }) =>
        Effect.flatMap(CurrentUser, (user) => returns.refundAgain(user, id, returnId))
    })
  })
)

const admin = TradeAdminRpcs.toLayer(
  Effect.gen(function* () {
    const orders = yield* Orders
    const cancellation = yield* OrderCancellation
    const incidents = yield* PaymentIncidents
    const rules = yield* OrderExpiryRules
    return TradeAdminRpcs.of({
      "orders.listAll": (query) => Effect.flatMap(CurrentUser, (user) => orders.list(within(user), query)),
      "orders.show": ({ id }) => Effect.flatMap(CurrentUser, (user) => orders.get(within(user), id)),
      "orders.unmask": ({ id, reason }) => orders.unmask(id, reason),
      "orders.cancelAny": ({ id }) => Effect.flatMap(CurrentUser, (user) => cancellation.cancel(user, id)),
      "orders.paymentIncidents": ({ limit }) => incidents.list(limit),
      "orders.expiryRules": () => rules.list,
      "orders.putExpiryRule": (rule) => Effect.flatMap(CurrentUser, ({ userId }) => rules.put(rule, userId))
    })
  })
)

/** The handlers of the storefront's, the merchants' and the operators' calls, over the services of `Trade.layer`. */
export const layer = Layer.mergeAll(storefront, merchant, admin)
