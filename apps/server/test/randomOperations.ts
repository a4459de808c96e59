import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { AccountCode } from "@mall/domain/ledger/Account"
import { PositiveAmount, TransferId } from "@mall/domain/ledger/Transfer"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { AttemptId, ChannelId } from "@mall/domain/payments/Payment"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import type { PayoutId } from "@mall/domain/treasury/Payouts"
import type { OrderId } from "@mall/domain/trade/Order"
import { Effect, Exit, Random } from "effect"
import { Bag } from "./Bag.ts"
import { moneyOperations } from "./randomMoney.ts"
import { again, newBuyer, sandboxAt, signIn } from "./shoppers.ts"

const wechatpay = ChannelId.make("wechatpay")
const newTransferId = generator(TransferId)
const account = AccountCode.make

/** What goes wrong between us and the channel, each now and then, in the same order for the same seed. */
const faults = [
  { operation: "create", probability: 0.05, fault: { kind: "drop", when: "after" } },
  { operation: "create", probability: 0.05, fault: { kind: "answer", with: "500", when: "before" } },
  { operation: "query", probability: 0.1, fault: { kind: "drop", when: "before" } },
  { operation: "query", probability: 0.1, fault: { kind: "delay", milliseconds: 100, when: "before" } },
  { operation: "refund", probability: 0.1, fault: { kind: "answer", with: "500", when: "after" } },
  { operation: "refund", probability: 0.1, fault: { kind: "drop", when: "before" } },
  { operation: "callback", probability: 0.2, fault: { kind: "duplicate", times: 3 } },
  { operation: "callback", probability: 0.1, fault: { kind: "drop", when: "before" } },
  { operation: "callback", probability: 0.1, fault: { kind: "reorder", milliseconds: 500 } },
  { operation: "callback", probability: 0.1, fault: { kind: "delay", milliseconds: 300, when: "before" } }
]

/**
 * Makes a mall in which buyers, merchants, operators and the channel do something at random, many at once, while the channel's
 * answers and notices fail, come late, twice or out of order. A refused operation is one too. `done` counts them by kind, and `told`
 * how many checkouts, payments and refunds of merchants we were told of, each asked for until there was an answer.
 */
export const randomOperations = Effect.fnUntraced(function* (
  url: string,
  sandboxUrl: string,
  seed: number,
  { largestStock = 100_000 }: { readonly largestStock?: number } = {}
) {
  const sandbox = sandboxAt(sandboxUrl)
  const admin = yield* signIn(url, "admin@demo.mall")
  const merchant = yield* signIn(url, "merchant@demo.mall")
  const buyers = yield* Effect.forEach([1, 2, 3, 4], (n) => newBuyer(url, `random-${seed}-${n}`))
  const own = (yield* merchant.merchant["products.listOwn"]({ limit: 5 })).data
  const skus = own.flatMap(({ id, skus }) => skus.slice(0, 2).map((sku) => ({ productId: id, skuId: sku.id })))
  const stock = (quantity: number) =>
    Effect.flatMap(Random.nextIntBetween(0, skus.length), (index) => {
      const { productId: id, skuId } = skus[index]!
      return merchant.mall.products.setStock({ params: { id, skuId }, payload: { onHand: quantity } })
    })
  for (const { productId: id, skuId } of skus) {
    yield* merchant.mall.products.setStock({ params: { id, skuId }, payload: { onHand: largestStock } })
  }
  for (const rule of faults) yield* sandbox.fault({ channel: "wechatpay", seed, ...rule })

  const placed = new Bag<{
    readonly buyer: (typeof buyers)[number]
    readonly paymentId: PaymentId
    readonly orderId: OrderId
  }>()
  const orders = new Bag<{ readonly buyer: (typeof buyers)[number]; readonly orderId: OrderId }>()
  const attempts = new Bag<AttemptId>()
  const asked = new Bag<PaymentId>()
  const sold = new Bag<PaymentId>()
  const done = new Map<string, number>()
  const told = { checkouts: 0, payments: 0, refunds: 0 }
  const keyed = <A, E extends { readonly _tag: string }, R>(kind: keyof typeof told, request: Effect.Effect<A, E, R>) =>
    newTransferId.pipe(
      Effect.flatMap((key) => request.pipe(withIdempotencyKey(key), again)),
      Effect.tap(() => Effect.sync(() => told[kind]++))
    )
  const bags = { disputable: new Bag<string>(), disputes: new Bag<string>(), payouts: new Bag<PayoutId>() }
  const money = yield* moneyOperations({ admin, merchant, sandboxUrl, seed }, bags)

  const checkout = Effect.gen(function* () {
    const buyer = buyers[yield* Random.nextIntBetween(0, buyers.length)]!
    const first = yield* Random.nextIntBetween(0, skus.length)
    const lines = yield* Random.nextIntBetween(1, 3)
    const items = Array.from({ length: lines }, (_, n) => ({
      skuId: skus[(first + n) % skus.length]!.skuId,
      quantity: 1
    }))
    const request = buyer.mall.checkout.checkout({ payload: { items, addressId: buyer.addressId } })
    const made = yield* keyed("checkouts", request)
    const orderId = made.orders[0]!.id
    placed.add({ buyer, orderId, paymentId: made.payment.id })
    orders.add({ buyer, orderId })
  })
  const confirm = Effect.gen(function* () {
    const found = yield* placed.take
    if (found === undefined) return yield* checkout
    const { buyer, paymentId: id } = found
    const step = yield* buyer.mall.payments.confirm({ params: { id }, payload: { channel: wechatpay } })
    attempts.add(step.attempt.id)
    yield* sandbox.pay(step.attempt.id)
  })
  const payAgain = Effect.flatMap(attempts.some, (id) => (id === undefined ? checkout : Effect.asVoid(sandbox.pay(id))))
  const cancel = Effect.gen(function* () {
    const found = yield* orders.take
    if (found === undefined) return yield* checkout
    yield* found.buyer.mall.orders.cancel({ params: { id: found.orderId } })
  })
  const charge = Effect.gen(function* () {
    const amount = Money.of(100 + (yield* Random.nextIntBetween(0, 9_000)), "CNY")
    const reference = `r-${yield* newTransferId}`
    const request = merchant.mall.payments.create({ payload: { amount, reference, description: "a table" } })
    const { id } = yield* keyed("payments", request)
    asked.add(id)
  })
  const chargePaid = Effect.gen(function* () {
    const id = yield* asked.take
    if (id === undefined) return yield* charge
    const step = yield* merchant.mall.payments.confirm({ params: { id }, payload: { channel: wechatpay } })
    attempts.add(step.attempt.id)
    yield* sandbox.pay(step.attempt.id)
    sold.add(id)
  })
  const giveBack = Effect.gen(function* () {
    const id = yield* sold.some
    if (id === undefined) return yield* charge
    const amount = Money.of(1 + (yield* Random.nextIntBetween(0, 500)), "CNY")
    yield* keyed("refunds", merchant.mall.payments.refund({ params: { id }, payload: { amount, reason: "worn" } }))
  })
  const abandon: Effect.Effect<void, unknown> = Effect.flatMap(asked.take, (id): Effect.Effect<void, unknown> =>
    id === undefined ? charge : Effect.asVoid(merchant.mall.payments.cancel({ params: { id } }))
  )
  const noticeAgain = Effect.gen(function* () {
    const { data } = yield* sandbox.callbacks
    const notice = data[yield* Random.nextIntBetween(0, Math.max(1, data.length))]
    if (notice !== undefined) yield* sandbox.resend(notice.id)
  })
  const adjust = Effect.gen(function* () {
    const amount = PositiveAmount.make(1 + (yield* Random.nextIntBetween(0, 100)))
    yield* admin.admin["admin.ledger.adjust"]({
      id: yield* newTransferId,
      reason: "at random",
      legs: [
        { account: account("platform:adjustments:CNY"), side: "debit", amount },
        { account: account("platform:payable:CNY"), side: "credit", amount }
      ]
    })
  })
  const restock = Effect.flatMap(Random.nextIntBetween(Math.floor(largestStock / 2), largestStock), stock)

  const kinds: ReadonlyArray<readonly [string, number, Effect.Effect<void, unknown>]> = [
    ["checkout", 25, checkout],
    ["pay an order", 22, confirm],
    ["pay again", 3, payAgain],
    ["cancel an order", 12, cancel],
    ["ask for money", 10, charge],
    ["pay a merchant", 10, chargePaid],
    ["refund in part", 9, giveBack],
    ["cancel a payment", 2, abandon],
    ["send a notice again", 3, noticeAgain],
    ["adjust the books", 2, adjust],
    ["set the stock", 2, Effect.asVoid(restock)],
    ...money.kinds
  ]
  const total = kinds.reduce((sum, [, weight]) => sum + weight, 0)

  const one = Effect.gen(function* () {
    let left = yield* Random.nextIntBetween(0, total)
    const [name, , work] = kinds.find(([, weight]) => (left -= weight) < 0) ?? kinds[0]!
    const exit = yield* Effect.exit(work)
    const key = Exit.isSuccess(exit) ? name : `${name}, refused`
    done.set(key, (done.get(key) ?? 0) + 1)
  })

  return {
    admin,
    done,
    told,
    prepare: money.prepare,
    complete: money.complete,
    clearFaults: sandbox.clearFaults,
    run: (count: number) =>
      Effect.forEach(Array.from({ length: count }), () => one, { concurrency: 8, discard: true }).pipe(
        Random.withSeed(seed)
      )
  }
})
