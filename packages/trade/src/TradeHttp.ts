import { CurrentUser, CurrentVisitor } from "@mall/domain/identity/CurrentUser"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { CartAdditionId } from "@mall/domain/trade/Cart"
import type { CartToken } from "@mall/domain/trade/Cart"
import { CheckoutId } from "@mall/domain/trade/Order"
import { ReturnId } from "@mall/domain/trade/Return"
import { Effect, Layer } from "effect"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Carts } from "./Carts.ts"
import { Checkouts } from "./Checkouts.ts"
import { Fulfilment } from "./Fulfilment.ts"
import { OrderCancellation } from "./OrderCancellation.ts"
import { Orders } from "./Orders.ts"
import { boughtBy, soldBy, within } from "./OrderScope.ts"
import { Returns } from "./returns/Returns.ts"

const visitorOf = (headers: { readonly "x-cart-token"?: CartToken }) =>
  Effect.map(CurrentVisitor, (principal) => ({ principal, token: headers["x-cart-token"] }))

const cart = ApiGroup.group(
  MallApi,
  "cart",
  Effect.fnUntraced(function* (handlers) {
    const carts = yield* Carts
    return handlers.handleAll({
      get: ({ headers }) => Effect.flatMap(visitorOf(headers), carts.get),
      clear: ({ headers }) => Effect.flatMap(visitorOf(headers), carts.clear),
      addItem: Effect.fnUntraced(function* ({ headers, payload }) {
        const additionId = CartAdditionId.make((yield* Operation).id)
        return yield* carts.add(yield* visitorOf(headers), payload, additionId)
      }),
      setItem: ({ headers, params, payload }) =>
        Effect.flatMap(visitorOf(headers), (visitor) => carts.set(visitor, params.skuId, payload.quantity)),
      removeItem: ({ headers, params }) =>
        Effect.flatMap(visitorOf(headers), (visitor) => carts.remove(visitor, params.skuId)),
      createForGuest: () => carts.createForGuest,
      merge: ({ payload }) => Effect.flatMap(CurrentUser, ({ userId }) => carts.merge(userId, payload.cartToken))
    })
  })
)

const checkout = ApiGroup.group(
  MallApi,
  "checkout",
  Effect.fnUntraced(function* (handlers) {
    const checkouts = yield* Checkouts
    return handlers.handleAll({
      checkout: Effect.fnUntraced(function* ({ payload }) {
        return yield* checkouts.checkout(yield* CurrentUser, CheckoutId.make((yield* Operation).id), payload)
      })
    })
  })
)

const orderHandlers = ApiGroup.group(
  MallApi,
  "orders",
  Effect.fnUntraced(function* (handlers) {
    const orders = yield* Orders
    const cancellation = yield* OrderCancellation
    const fulfilment = yield* Fulfilment
    return handlers.handleAll({
      list: ({ query }) => Effect.flatMap(CurrentUser, (user) => orders.list(boughtBy(user), query)),
      listSold: ({ query }) => Effect.flatMap(CurrentUser, (user) => orders.list(soldBy(user), query)),
      get: ({ params }) => Effect.flatMap(CurrentUser, (user) => orders.get(within(user), params.id)),
      edit: ({ params, payload }) => Effect.flatMap(CurrentUser, (user) => orders.edit(user, params.id, payload)),
      cancel: ({ params }) => Effect.flatMap(CurrentUser, (user) => cancellation.cancel(user, params.id)),
      ship: ({ params, payload }) => Effect.flatMap(CurrentUser, (user) => fulfilment.ship(user, params.id, payload)),
      deliver: ({ params }) => Effect.flatMap(CurrentUser, (user) => fulfilment.deliver(user, params.id)),
      confirmReceipt: ({ params }) => Effect.flatMap(CurrentUser, (user) => fulfilment.confirmReceipt(user, params.id))
    })
  })
)

const returnHandlers = ApiGroup.group(
  MallApi,
  "returns",
  Effect.fnUntraced(function* (handlers) {
    const orders = yield* Orders
    const returns = yield* Returns
    return handlers.handleAll({
      request: Effect.fnUntraced(function* ({ params, payload }) {
        return yield* returns.request(yield* CurrentUser, params.id, ReturnId.make((yield* Operation).id), payload)
      }),
      list: Effect.fnUntraced(function* ({ params, query }) {
        const scope = within(yield* CurrentUser)
        yield* orders.get(scope, params.id)
        return yield* returns.list(scope, { ...query, orderId: params.id })
      }),
      get: ({ params }) => Effect.flatMap(CurrentUser, (user) => returns.get(within(user), params.id, params.returnId)),
      listSold: ({ query }) => Effect.flatMap(CurrentUser, (user) => returns.list(soldBy(user), query)),
      cancel: ({ params }) => Effect.flatMap(CurrentUser, (user) => returns.cancel(user, params.id, params.returnId)),
      approve: ({ params }) => Effect.flatMap(CurrentUser, (user) => returns.approve(user, params.id, params.returnId)),
      reject: ({ params, payload }) =>
        Effect.flatMap(CurrentUser, (user) => returns.reject(user, params.id, params.returnId, payload.reason)),
      receive: ({ params, payload }) =>
        Effect.flatMap(CurrentUser, (user) => returns.receive(user, params.id, params.returnId, payload.restock)),
      refundAgain: ({ params }) =>
        Effect.flatMap(CurrentUser, (user) => returns.refundAgain(user, params.id, params.returnId))
    })
  })
)

/** The handlers of carts, checkout, orders and returns, over the services of `Trade.layer`. */
export const layer = Layer.mergeAll(cart, checkout, orderHandlers, returnHandlers)
