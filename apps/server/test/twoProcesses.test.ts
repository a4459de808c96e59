import { assert, layer } from "@effect/vitest"
import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import type { SkuId } from "@mall/domain/catalog/Catalog"
import { payments, ServiceName } from "@mall/domain/identity/ServiceName"
import { ChannelId } from "@mall/domain/payments/Payment"
import type { Checkout } from "@mall/domain/trade/Checkout"
import { ServiceTokens } from "@mall/identity/services/ServiceTokens"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { mallFolder } from "@mall/testing/mallFolder"
import { startServer } from "@mall/testing/TestServer"
import { Context, Deferred, Duration, Effect, Fiber, Layer, Ref, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { booksOf } from "./books.ts"
import { call } from "./rawHttp.ts"
import { connect, eventually, newBuyer, orderBecomes, sandboxAt, skusInStock } from "./shoppers.ts"
import type { Buyer } from "./shoppers.ts"

const mall = ServiceName.make("mall")
const wechatpay = ChannelId.make("wechatpay")

const environment = {
  ACCESS_LOG: "false",
  SANDBOX_RETRY_SCALE: "0.02",
  IDEMPOTENCY_LEASE: "1 second",
  QUEUE_LOCK_EXPIRATION: "2 seconds",
  PAYMENTS_RPC_WATCH_INTERVAL: "200 millis"
}

const makeTwo = Effect.gen(function* () {
  const database = yield* acquireDatabase
  const dataFolder = yield* mallFolder
  const { sandboxPort, sandboxUrl } = yield* startServer({ database, dataFolder, roles: "sandbox", environment })
  const pay = yield* startServer({ database, dataFolder, sandboxPort, roles: "pay", environment })
  const services = yield* Layer.build(ServiceTokens.layer.pipe(Layer.provideMerge(Sql.layerUrl(database))))
  const { token } = yield* Context.get(services, ServiceTokens).issue({
    ...{ callingService: mall, calledService: payments, lifetime: Duration.days(1), overlap: Duration.minutes(1) },
    ...{ reason: "test", actor: "operator:test" }
  })
  const storeWith = (serviceToken: string) =>
    startServer({
      database,
      dataFolder,
      sandboxPort,
      roles: "api,worker",
      environment: { ...environment, PAYMENTS_RPC_URL: pay.url, PAYMENTS_RPC_TOKEN: serviceToken }
    })
  const store = yield* storeWith(token)
  return {
    ...{ store, pay, storeWith, sandbox: sandboxAt(sandboxUrl) },
    books: yield* booksOf(database),
    sql: Context.get(services, SqlClient.SqlClient)
  }
})

/** The mall and the pay platform, each in a process of its own, on one database. */
class Two extends Context.Service<Two, Effect.Success<typeof makeTwo>>()("@mall/server/test/twoProcesses/Two") {
  static readonly layer = Layer.effect(Two, makeTwo)
}

/** The clients of one buyer at the pay platform, which knows their token. */
const atPay = Effect.fnUntraced(function* ({ token }: Buyer) {
  const { pay } = yield* Two
  const caller = yield* connect(pay.url)
  yield* caller.become(token)
  return caller
})

const anySku = Effect.fnUntraced(function* (buyer: Buyer) {
  const [sku] = yield* skusInStock(buyer, 1)
  assert.isDefined(sku)
  return sku.id
})

const buy = ({ addressId, mall }: Buyer, skuId: SkuId) =>
  mall.checkout.checkout({ payload: { items: [{ skuId, quantity: 1 }], addressId } })

/** What a client does that does not know what became of its request: it sends it again, with the same key. */
const again = <A, E extends { readonly _tag: string }, R>(request: Effect.Effect<A, E, R>) =>
  Effect.retry(request, {
    schedule: Schedule.spaced("200 millis"),
    times: 150,
    while: ({ _tag }) => _tag === "HttpClientError" || _tag === "IdempotencyInFlight" || _tag === "PaymentsUnavailable"
  })

const confirm = Effect.fnUntraced(function* (buyer: Buyer, { payment }: Checkout, key: string) {
  const { mall } = yield* atPay(buyer)
  return yield* mall.payments
    .confirm({ params: { id: payment.id }, payload: { channel: wechatpay } })
    .pipe(withIdempotencyKey(key), again)
})

const Ready = Schema.fromJsonString(
  Schema.Struct({
    ready: Schema.Boolean,
    dependencies: Schema.Array(Schema.Struct({ name: Schema.String, ready: Schema.Boolean }))
  })
)

/** What probes are told of the mall. */
const readiness = Effect.fnUntraced(function* (url: string) {
  const { status, text } = yield* call(url, { method: "GET", path: "/readyz" })
  const { dependencies } = yield* Effect.orDie(Schema.decodeEffect(Ready)(text))
  return { status, payments: dependencies.find(({ name }) => name === "payments")?.ready }
})
const knowsPay = Effect.fnUntraced(function* (isThere: boolean) {
  const { store } = yield* Two
  yield* eventually(readiness(store.url), ({ payments }) => payments === isThere, `payments to be ${isThere}`)
})

layer(Two.layer, { excludeTestServices: true, timeout: "3 minutes" })("the mall and the pay platform apart", (it) => {
  it.effect(
    "a buyer registers and checks out at the one, pays at the other, and the order is paid",
    () =>
      Effect.gen(function* () {
        const { books, sandbox, sql, store } = yield* Two
        const buyer = yield* newBuyer(store.url, "apart")
        const made = yield* buy(buyer, yield* anySku(buyer))
        assert.strictEqual(made.payment.status, "pending")
        const { attempt } = yield* confirm(buyer, made, "apart-confirm")
        yield* sandbox.pay(attempt.id)
        const [order] = made.orders
        assert.isDefined(order)
        const paid = yield* orderBecomes(buyer, order.id, "paid")
        assert.strictEqual(paid.payment?.status, "succeeded")
        assert.deepStrictEqual(yield* books.timesPaid, [1])

        // made by the other process, within the trace of the buyer's request to this one
        const [created] = yield* sql`
          SELECT actor, trace_id FROM payments.history WHERE payment_id = ${made.payment.id} ORDER BY at LIMIT 1`
        const [placed] = yield* sql`
          SELECT trace_id FROM trade.order_history WHERE order_id = ${order.id} ORDER BY at LIMIT 1`
        assert.strictEqual(created?.["actor"], "service:mall")
        assert.strictEqual(created?.["traceId"], placed?.["traceId"])
        assert.match(String(created?.["traceId"]), /^[0-9a-f]{32}$/)
      }),
    60_000
  )

  it.effect("each answers what is its own, and is ready", () =>
    Effect.gen(function* () {
      const { pay, store } = yield* Two
      const statusOf = (url: string, path: string) =>
        Effect.map(call(url, { method: "GET", path }), ({ status }) => status)
      assert.strictEqual(yield* statusOf(store.url, "/api/v1/products"), 200)
      assert.strictEqual(yield* statusOf(pay.url, "/api/v1/products"), 404)
      assert.strictEqual(yield* statusOf(store.url, "/api/v1/payments"), 404)
      assert.strictEqual(yield* statusOf(pay.url, "/api/v1/payments"), 401)
      for (const url of [store.url, pay.url]) assert.strictEqual(yield* statusOf(url, "/readyz"), 200)
      assert.include(store.lines().join("\n"), `Payments      ${pay.url}`)
    })
  )

  it.effect(
    "without the pay platform the mall is ready and shows its goods, and sells again by itself once it is back",
    () =>
      Effect.gen(function* () {
        const { books, pay, sandbox, store } = yield* Two
        const buyer = yield* newBuyer(store.url, "patient")
        const before = yield* books.checkouts
        const skuId = yield* anySku(buyer)
        yield* knowsPay(true)
        yield* pay.kill9
        yield* knowsPay(false)
        assert.strictEqual((yield* readiness(store.url)).status, 200)
        assert.isNotEmpty((yield* buyer.mall.products.list({ query: { limit: 1 } })).data)

        const body = JSON.stringify({ items: [{ skuId, quantity: 1 }], addressId: buyer.addressId })
        const refused = yield* call(store.url, { method: "POST", path: "/api/v1/checkout", token: buyer.token, body })
        assert.strictEqual(refused.status, 503)
        assert.include(refused.text, '"code":"PaymentsUnavailable"')
        assert.match(refused.headers["retry-after"] ?? "", /^[1-9][0-9]?$/)
        assert.strictEqual(yield* books.checkouts, before)

        const buying = yield* Effect.forkChild(buy(buyer, skuId).pipe(withIdempotencyKey("patient-checkout"), again))
        yield* pay.restart
        const made = yield* Fiber.join(buying)
        yield* knowsPay(true)
        assert.strictEqual(yield* books.checkouts, before + 1)
        const { attempt } = yield* confirm(buyer, made, "patient-confirm")
        yield* sandbox.pay(attempt.id)
        yield* eventually(books.paidCheckouts, (count) => count === before + 1, "the checkout to be paid")
      }),
    120_000
  )

  it.effect(
    "the pay platform killed among checkouts and among payments doubles nothing",
    () =>
      Effect.gen(function* () {
        const { books, pay, sandbox, store } = yield* Two
        const before = yield* books.checkouts
        const buyer = yield* newBuyer(store.url, "unlucky")
        const skuId = yield* anySku(buyer)
        yield* knowsPay(true)
        const purchases = Array.from({ length: 12 }, (_, index) => index)
        const answered = yield* Ref.make(0)
        const enough = yield* Deferred.make<void>()
        const [made] = yield* Effect.all(
          [
            Effect.forEach(
              purchases,
              (index) =>
                buy(buyer, skuId).pipe(
                  withIdempotencyKey(`unlucky-${index}`),
                  again,
                  Effect.tap(() =>
                    Ref.updateAndGet(answered, (count) => count + 1).pipe(
                      Effect.flatMap((count) => (count === 3 ? Deferred.succeed(enough, undefined) : Effect.void))
                    )
                  )
                ),
              { concurrency: 6 }
            ),
            Deferred.await(enough).pipe(Effect.andThen(pay.kill9), Effect.andThen(pay.restart))
          ],
          { concurrency: 2 }
        )
        assert.strictEqual(yield* books.checkouts, before + purchases.length)
        // a payment that could not be made is made when its order is looked at
        yield* knowsPay(true)
        yield* Effect.forEach(
          made.flatMap(({ orders }) => orders),
          ({ id }) => buyer.mall.orders.get({ params: { id } })
        )
        const steps = yield* Effect.forEach(made, (each, index) => confirm(buyer, each, `unlucky-${index}`), {
          concurrency: 6
        })
        yield* Effect.all(
          [
            Effect.forEach(steps, ({ attempt }) => sandbox.pay(attempt.id), { concurrency: 6 }),
            eventually(books.paidCheckouts, (count) => count >= before + 4, "some to be paid").pipe(
              Effect.andThen(pay.kill9),
              Effect.andThen(pay.restart)
            )
          ],
          { concurrency: 2 }
        )
        yield* eventually(books.paidCheckouts, (count) => count === before + purchases.length, "all to be paid")
        assert.deepStrictEqual(yield* books.timesPaid, [1])
        assert.deepStrictEqual(yield* books.capturedOtherwise, [])
        assert.deepStrictEqual(yield* books.reserved, [])
      }),
    240_000
  )

  it.effect(
    "a mall with a token that nobody issued sells nothing, and says so",
    () =>
      Effect.gen(function* () {
        const { books, storeWith } = yield* Two
        const store = yield* storeWith(`mst_${"A".repeat(43)}`)
        yield* eventually(readiness(store.url), ({ payments }) => payments === false, "payments to be missed")
        const before = yield* books.checkouts
        const buyer = yield* newBuyer(store.url, "forged")
        const failure = yield* Effect.flip(buy(buyer, yield* anySku(buyer)))
        assert.strictEqual(failure._tag, "PaymentsUnavailable")
        assert.match(store.lines().join("\n"), /The pay platform does not answer.*Unauthorized/)
        assert.strictEqual(yield* books.checkouts, before)
      }).pipe(Effect.scoped),
    60_000
  )
})
