import { assert, describe, it } from "@effect/vitest"
import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { ChannelId } from "@mall/domain/payments/Payment"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { mallFolder } from "@mall/testing/mallFolder"
import { startServer } from "@mall/testing/TestServer"
import { Deferred, Effect, Exit, Ref } from "effect"
import { booksOf } from "./books.ts"
import { again, eventually, newBuyer, sandboxAt, signIn, skusInStock } from "./shoppers.ts"

const wechatpay = ChannelId.make("wechatpay")
const purchases = Array.from({ length: 100 }, (_, index) => index)

describe("a crash", () => {
  it.live(
    "in the middle of checkouts and of callbacks loses nothing and doubles nothing",
    () =>
      Effect.gen(function* () {
        const database = yield* acquireDatabase
        const dataFolder = yield* mallFolder
        const environment = {
          SANDBOX_RETRY_SCALE: "0.02",
          IDEMPOTENCY_LEASE: "1 second",
          QUEUE_LOCK_EXPIRATION: "2 seconds",
          ACCESS_LOG: "false"
        }
        const { sandboxPort, sandboxUrl } = yield* startServer({ database, dataFolder, roles: "sandbox", environment })
        const server = yield* startServer({ database, dataFolder, sandboxPort, roles: "api,worker", environment })
        const sandbox = sandboxAt(sandboxUrl)
        const books = yield* booksOf(database)
        const onHandBefore = yield* books.onHand

        const buyers = yield* Effect.forEach([1, 2, 3, 4], (number) => newBuyer(server.url, `crash-${number}`), {
          concurrency: 2
        })
        const [first] = buyers
        assert.isDefined(first)
        const skus = yield* skusInStock(first, 4)
        const purchaseOf = (index: number) => {
          const buyer = buyers[index % buyers.length] ?? first
          const checkout = buyer.mall.checkout
            .checkout({
              payload: {
                items: skus.slice(index % 3, (index % 3) + 2).map(({ id }) => ({ skuId: id, quantity: 1 })),
                addressId: buyer.addressId
              }
            })
            .pipe(withIdempotencyKey(`checkout-${index}`))
          return { buyer, checkout }
        }

        // the first crash: some checkouts are answered, some are under way, some never arrived
        const answered = yield* Ref.make(0)
        const enough = yield* Deferred.make<void>()
        const attempts = Effect.forEach(
          purchases,
          (index) =>
            purchaseOf(index).checkout.pipe(
              Effect.tap(() =>
                Ref.updateAndGet(answered, (count) => count + 1).pipe(
                  Effect.flatMap((count) => (count === 15 ? Deferred.succeed(enough, undefined) : Effect.void))
                )
              ),
              Effect.exit
            ),
          { concurrency: 30 }
        )
        const [before] = yield* Effect.all([attempts, Effect.andThen(Deferred.await(enough), server.kill9)], {
          concurrency: 2
        })
        assert.isAbove(before.filter(Exit.isFailure).length, 0)
        yield* server.restart

        const checkouts = yield* Effect.forEach(purchases, (index) => again(purchaseOf(index).checkout), {
          concurrency: 20
        })
        for (const [index, exit] of before.entries()) {
          if (Exit.isSuccess(exit)) assert.strictEqual(checkouts[index]?.checkoutId, exit.value.checkoutId)
        }
        assert.strictEqual(new Set(checkouts.map(({ checkoutId }) => checkoutId)).size, purchases.length)
        assert.strictEqual(yield* books.checkouts, purchases.length)
        assert.deepStrictEqual(yield* books.reserved, yield* books.heldByOpenOrders)

        // the second crash: the money is on its way
        const steps = yield* Effect.forEach(
          checkouts,
          ({ payment }, index) =>
            purchaseOf(index)
              .buyer.mall.payments.confirm({ params: { id: payment.id }, payload: { channel: wechatpay } })
              .pipe(withIdempotencyKey(`confirm-${index}`), again),
          { concurrency: 10 }
        )
        yield* Effect.all(
          [
            Effect.forEach(steps, ({ attempt }) => sandbox.pay(attempt.id), { concurrency: 10 }),
            eventually(books.paidCheckouts, (count) => count >= 10, "ten checkouts to be paid").pipe(
              Effect.andThen(server.kill9)
            )
          ],
          { concurrency: 2 }
        )
        assert.isBelow(yield* books.paidCheckouts, purchases.length)
        yield* server.restart
        yield* eventually(books.paidCheckouts, (count) => count === purchases.length, "every checkout to be paid")

        assert.deepStrictEqual(yield* books.timesPaid, [1])
        assert.deepStrictEqual(yield* books.capturedOtherwise, [])
        assert.deepStrictEqual(yield* books.reserved, [])
        const sold = new Map((yield* books.sold).map(({ quantity, skuId }) => [skuId, quantity]))
        const expected = onHandBefore.map(({ quantity, skuId }) => ({
          skuId,
          quantity: quantity - (sold.get(skuId) ?? 0)
        }))
        assert.deepStrictEqual(yield* books.onHand, expected)
      }),
    120_000
  )

  it.live(
    "of a server with its embedded database keeps the data",
    () =>
      Effect.gen(function* () {
        const server = yield* startServer()
        const buyer = yield* newBuyer(server.url, "survivor")
        const [sku] = yield* skusInStock(buyer, 1)
        assert.isDefined(sku)
        const { orders } = yield* buyer.mall.checkout.checkout({
          payload: { items: [{ skuId: sku.id, quantity: 1 }], addressId: buyer.addressId }
        })
        yield* server.kill9
        yield* server.restart
        const returned = yield* signIn(server.url, buyer.email, "walrus-survivor-umbrella-lantern")
        const found = yield* returned.mall.orders.list({ query: {} })
        assert.deepStrictEqual(
          found.data.map(({ id }) => id),
          orders.map(({ id }) => id)
        )
        // what was signed before the crash is still good: the keys survived too
        assert.strictEqual((yield* buyer.mall.auth.verify()).userId, buyer.user.id)
      }),
    90_000
  )
})
