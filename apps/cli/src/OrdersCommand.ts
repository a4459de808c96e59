import type { UserId } from "@mall/domain/identity/CurrentUser"
import { Page } from "@mall/domain/kernel/Page"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Order, OrderId, OrderStatus } from "@mall/domain/trade/Order"
import { OrderCancellation } from "@mall/trade/OrderCancellation"
import { Orders } from "@mall/trade/Orders"
import type { OrderScope } from "@mall/trade/OrderScope"
import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { historySection } from "./historySection.ts"
import { given, page, reason } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, money, print, printPage, section } from "./Output.ts"
import * as Services from "./Services.ts"
import * as userReference from "./userReference.ts"

const order = Argument.String("order").pipe(
  Argument.withSchema(OrderId),
  Argument.withDescription("The id of the order")
)

const every: OrderScope = { _tag: "Every" }

/** What a user bought, what a shop sold, or what that user bought of that shop. */
const scopeOf = (user: Option.Option<UserId>, merchant: Option.Option<MerchantId>): OrderScope => {
  if (Option.isNone(user)) {
    return Option.isNone(merchant) ? every : { _tag: "Sold", merchantId: merchant.value }
  }
  return Option.isNone(merchant)
    ? { _tag: "Bought", userId: user.value }
    : { _tag: "BoughtAndSold", userId: user.value, merchantId: merchant.value }
}

const piecesOf = ({ lines }: Order) => lines.reduce((count, { quantity }) => count + quantity, 0)

const humanOf = (order: Order) =>
  Effect.gen(function* () {
    yield* fields({
      id: order.id,
      status: order.status,
      total: money(order.total),
      checkout: order.checkoutId,
      merchant: order.merchantId,
      payment: order.payment?.id,
      "payment status": order.payment?.status,
      placed: order.placedAt,
      "pay until": order.expiresAt,
      paid: order.paidAt,
      shipped: order.shippedAt,
      delivered: order.deliveredAt,
      shipment: order.shipment === null ? "" : `${order.shipment.carrier} ${order.shipment.trackingNumber}`,
      remark: order.remark
    })
    yield* section(
      "Lines",
      {
        sku: ({ skuId }) => skuId,
        title: ({ title }) => title.en || title.zh,
        quantity: ({ quantity }) => quantity,
        price: ({ unitPrice }) => money(unitPrice),
        total: ({ total }) => money(total)
      },
      order.lines
    )
    yield* historySection({ from: ({ from }) => from, to: ({ to }) => to }, order.history)
  })

const printOrder = (order: Order, json: boolean) => print(order, { json, schema: Order }, humanOf(order))

const list = Command.make(
  "list",
  {
    ...page,
    status: Flag.Literals("status", OrderStatus.literals).pipe(
      Flag.withDescription("Only orders in this state"),
      Flag.optional
    ),
    user: Flag.String("user").pipe(
      Flag.filterMap(userReference.parse, userReference.expectation),
      Flag.withDescription("Only what this user bought: an id or an email address"),
      Flag.optional
    ),
    merchant: Flag.String("merchant").pipe(
      Flag.withSchema(MerchantId),
      Flag.withDescription("Only what this shop sold: the id of a merchant"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, merchant, status, user }) {
    const orders = yield* Orders
    const buyer = Option.isSome(user) ? Option.some(yield* userReference.resolve(user.value)) : Option.none()
    const scope = scopeOf(
      Option.map(buyer, ({ id }) => id),
      merchant
    )
    const found = yield* orders.list(scope, { limit, ...given({ after, status }) })
    yield* printPage(found, {
      json,
      schema: Page(Order),
      columns: {
        id: ({ id }) => id,
        status: ({ status }) => status,
        total: ({ total }) => money(total),
        pieces: piecesOf,
        merchant: ({ merchantId }) => merchantId,
        placed: ({ placedAt }) => placedAt,
        "pay until": ({ expiresAt }) => expiresAt
      },
      empty: "There are no such orders."
    })
  })
).pipe(
  Command.withDescription("List orders, newest first"),
  Command.withExamples([
    { command: "mall orders list --status pending_payment", description: "What waits for its payment" },
    { command: "mall orders list --user ann@example.com --limit 5", description: "What somebody bought last" }
  ]),
  Command.provide(Services.layer)
)

const show = Command.make(
  "show",
  { order, json },
  Effect.fnUntraced(function* ({ json, order }) {
    const orders = yield* Orders
    yield* printOrder(yield* orders.get(every, order), json)
  })
).pipe(
  Command.withDescription("Show an order with its lines, its payment and its history"),
  Command.withExamples([{ command: "mall orders show 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }]),
  Command.provide(Services.layer)
)

const cancel = Command.make(
  "cancel",
  { order, reason, yes, json },
  Effect.fnUntraced(function* ({ json, order, reason, yes }) {
    const cancellation = yield* OrderCancellation
    const orders = yield* Orders
    const { status, total } = yield* orders.get(every, order)
    yield* confirm(
      status === "paid"
        ? `Canceling this order and refunding ${money(total)}`
        : "Canceling this order, with the others of its checkout,",
      yes
    )
    yield* printOrder(yield* cancellation.cancelAsOperator(order, { by: yield* operator, reason }), json)
  })
).pipe(
  Command.withDescription(
    "Cancel an order that is not shipped. An unpaid one is closed at the payment channel first, and the other orders of its checkout, which share the payment, go with it; a paid one is refunded."
  ),
  Command.withShortDescription("Cancel an order that is not shipped"),
  Command.withExamples([
    { command: 'mall orders cancel 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --reason "buyer phoned"' }
  ]),
  Command.provide(Services.layer)
)

export const OrdersCommand = Command.make("orders").pipe(Command.withSubcommands([list, show, cancel]))
