import { AccessToken } from "@mall/client/AccessToken"
import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { MallHttp } from "@mall/client/MallHttp"
import type { SkuId } from "@mall/domain/catalog/Catalog"
import type { AddressId } from "@mall/domain/identity/AddressBook"
import { Email } from "@mall/domain/identity/User"
import { Money } from "@mall/domain/kernel/Money"
import { ChannelId } from "@mall/domain/payments/Payment"
import type { PaymentAction } from "@mall/domain/payments/Payment"
import type { OrderId, OrderStatus } from "@mall/domain/trade/Order"
import { Clock, Console, DateTime, Effect, Ref, Schedule, Schema } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { awaitPayment, chapter, DemoFailed, demoPassword, press, price, say, secret, signIn } from "./support.ts"

const waitForStatus = (id: OrderId, wanted: OrderStatus) =>
  Effect.gen(function* () {
    const mall = yield* MallHttp
    const order = yield* mall.orders.get({ params: { id } })
    if (order.status === wanted) return order
    return yield* new DemoFailed({ reason: `Order ${id} is ${order.status}, not ${wanted}` })
  }).pipe(Effect.retry({ schedule: Schedule.spaced("250 millis"), times: 200 }))

/** Every channel, with the way to pay that needs no browser of its own. */
export const everyChannel = [
  { id: "wechatpay", method: "native" },
  { id: "wechatpay_v2", method: "native" },
  { id: "alipay", method: "precreate" },
  { id: "stripe", method: "card" },
  { id: "paypal", method: "paypal" },
  { id: "crypto", method: "usdc" }
] as const
type DemoChannel = (typeof everyChannel)[number]

/** What the buyer has to do, in a line. */
const describe = (action: PaymentAction) => {
  switch (action.type) {
    case "qr":
      return `scan ${action.content}`
    case "redirect":
      return `go to ${action.url.slice(0, 100)}`
    case "params":
      return `the channel's script pays with ${Object.keys(action.params).join(", ")}`
    case "none":
      return "nothing"
  }
}

/** The shop sells for no tokens, so its staff asks for a payment of their own. */
const payInTokens = Effect.fnUntraced(function* (sandbox: string) {
  const mall = yield* MallHttp
  const key = String(yield* Clock.currentTimeMillis)
  const { amount, id } = yield* mall.payments
    .create({
      payload: { amount: Money.of(12_500_000, "USDC"), reference: `demo-${key}`, description: "A voucher 一张代金券" }
    })
    .pipe(withIdempotencyKey(`demo-crypto-${key}`))
  const { action } = yield* mall.payments.confirm({ params: { id }, payload: { channel: ChannelId.make("crypto") } })
  if (action.type !== "qr") return yield* new DemoFailed({ reason: `No QR code but ${action.type}` })
  yield* say(`crypto: ${price(amount)}; ${describe(action)}`)
  const url = `${sandbox}/control/scan?code=${encodeURIComponent(action.content)}`
  const { reference } = yield* Effect.flatMap(
    HttpClient.get(url),
    HttpClientResponse.schemaBodyJson(Schema.Struct({ reference: Schema.String }))
  )
  yield* press(sandbox, "crypto", reference)
  yield* awaitPayment(id, "succeeded")
  yield* mall.payments
    .refund({ params: { id }, payload: { reason: "not needed" } })
    .pipe(withIdempotencyKey(`demo-crypto-refund-${key}`))
  yield* awaitPayment(id, "refunded")
  yield* say("crypto: paid, and given back by a transfer")
})

/** An order of one piece, paid through the channel and then canceled, so that its money goes back. */
const payAndGiveBack = Effect.fnUntraced(function* (
  sandbox: string,
  { id: channel, method }: DemoChannel,
  skus: ReadonlyArray<{ readonly id: SkuId }>,
  addressId: AddressId
) {
  const mall = yield* MallHttp
  const [sku] = skus
  if (sku === undefined) return yield* new DemoFailed({ reason: "Nothing is in stock" })
  const { orders, payment } = yield* mall.checkout.checkout({
    payload: { items: [{ skuId: sku.id, quantity: 1 }], addressId }
  })
  const step = yield* mall.payments.confirm({
    params: { id: payment.id },
    payload: { channel: ChannelId.make(channel), method }
  })
  yield* say(`${channel}: ${price(payment.amount)}; ${describe(step.action)}`)
  yield* press(sandbox, channel, step.attempt.id.replaceAll("-", ""))
  yield* Effect.forEach(orders, ({ id }) => waitForStatus(id, "paid"))
  yield* Effect.forEach(orders, ({ id }) => mall.orders.cancel({ params: { id } }))
  yield* Effect.forEach(orders, ({ id }) => waitForStatus(id, "refunded"))
  yield* say(`${channel}: paid, and given back after the order was canceled`)
})

/** A person buys, pays through each of the channels, gives back, and forgets to pay. */
export const shoppingJourney = (sandbox: string, channels: ReadonlyArray<DemoChannel>) =>
  Effect.gen(function* () {
    const mall = yield* MallHttp
    const stamp = yield* Clock.currentTimeMillis
    const email = `visitor-${stamp}@example.com`
    const password = `walrus-${stamp}-umbrella-lantern`

    yield* chapter("1. Register and sign in")
    const user = yield* mall.users.register({
      payload: {
        email: Email.make(email),
        password: secret(password),
        name: "Vera Visitor"
      }
    })
    yield* say(`registered ${email} as ${user.id}`)
    yield* signIn(email, password)
    const me = yield* mall.auth.verify()
    yield* say(`signed in; the token is good until ${me.expiresAt.toISOString()}`)
    const address = yield* mall.addresses.create({
      payload: {
        ...{ recipient: "Vera Visitor", phone: "+8613800138000", countryCode: "CN", region: "上海市" },
        ...{ city: "上海", street: "南京西路 1266 号", postalCode: "200040" }
      }
    })

    yield* chapter("2. Browse")
    const page = yield* mall.products.list({ query: { limit: 3, sort: "price_asc" } })
    const chosen = yield* Effect.forEach(page.data.slice(0, 2), ({ id }) => mall.products.get({ params: { id } }))
    const skus = chosen.flatMap(({ skus, title }) =>
      skus
        .filter(({ available }) => available > 0)
        .slice(0, 1)
        .map((sku) => ({ ...sku, title }))
    )
    for (const { available, price: unitPrice, title } of skus) {
      yield* say(`${title.zh} / ${title.en}: ${price(unitPrice)}, ${available} in stock`)
    }

    yield* chapter("3. Fill the cart and check out")
    for (const { id } of skus) yield* mall.cart.addItem({ headers: {}, payload: { skuId: id, quantity: 1 } })
    const cart = yield* mall.cart.get({ headers: {} })
    yield* say(`cart: ${cart.items.length} lines, ${cart.totals.map(price).join(", ")}`)
    const buy = mall.checkout
      .checkout({ payload: { cart: true, addressId: address.id } })
      .pipe(withIdempotencyKey(`demo-${stamp}`))
    const checkout = yield* buy
    const again = yield* buy
    yield* say(`${checkout.orders.length} order(s), to pay: ${price(checkout.payment.amount)}`)
    yield* say(`the same request again made nothing new: ${again.checkoutId === checkout.checkoutId}`)

    yield* chapter("4. Pay through WeChat Pay's protocol")
    const step = yield* mall.payments.confirm({
      params: { id: checkout.payment.id },
      payload: { channel: ChannelId.make("wechatpay") }
    })
    if (step.action.type !== "qr") return yield* new DemoFailed({ reason: `No QR code but ${step.action.type}` })
    yield* say(`QR code: ${step.action.content}`)
    const number = step.attempt.id.replaceAll("-", "")
    yield* say(`a person would open ${sandbox}/pay/wechatpay/${number} and press "pay"; the demo presses it`)
    yield* press(sandbox, "wechatpay", number)
    const paid = yield* Effect.forEach(checkout.orders, ({ id }) => waitForStatus(id, "paid"))
    const status = yield* mall.payments.status({
      params: { id: checkout.payment.id },
      query: { ticket: step.ticket }
    })
    yield* say(`the ticket says: ${status.status}; order ${paid[0]?.id} is ${paid[0]?.status}`)

    yield* chapter(`5. Pay and give back through ${channels.map(({ id }) => id).join(", ")}`)
    yield* Effect.forEach(
      channels.filter(({ id }) => id !== "crypto"),
      (channel) => payAndGiveBack(sandbox, channel, skus, address.id),
      { discard: true }
    )
    if (channels.some(({ id }) => id === "crypto")) {
      const buyer = yield* AccessToken.use(Ref.get)
      yield* signIn("merchant@demo.mall", demoPassword)
      yield* payInTokens(sandbox)
      yield* AccessToken.set(buyer)
    }

    yield* chapter("6. An order that nobody pays expires by itself")
    const one = skus[0]
    if (one === undefined) return yield* new DemoFailed({ reason: "Nothing is in stock" })
    const forgotten = yield* mall.checkout.checkout({
      payload: { items: [{ skuId: one.id, quantity: 1 }], addressId: address.id, paymentMethod: "demo-quick" }
    })
    const order = forgotten.orders[0]
    if (order === undefined) return yield* new DemoFailed({ reason: "The checkout made no order" })
    const left = order.expiresAt.getTime() - DateTime.toEpochMillis(yield* DateTime.now)
    yield* say(`order ${order.id} may be paid for ${Math.ceil(left / 1000)} s; waiting`)
    const canceled = yield* waitForStatus(order.id, "canceled")
    for (const { at, from, reason, to } of canceled.history) {
      yield* say(`${at.toISOString()}  ${from ?? "—"} → ${to} (${reason})`)
    }
    yield* Console.log(
      `\nDone: order ${paid[0]?.id} was paid, order ${canceled.id} expired and its stock is free again.`
    )
  })
