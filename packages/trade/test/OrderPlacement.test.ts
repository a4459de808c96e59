import { ProductId } from "@mall/domain/catalog/Catalog"
import type { SkuId } from "@mall/domain/catalog/Catalog"
import { generator } from "@mall/domain/kernel/Id"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { OrderId } from "@mall/domain/trade/Order"
import type { CheckoutDraft } from "../src/CheckoutDraft.ts"
import { OrderPlacement } from "../src/OrderPlacement.ts"
import { assert, layer } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Fiber, Layer, Option, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import {
  aBuyer,
  address,
  cny,
  idOf,
  newCheckoutId,
  newMerchantId,
  newSkuId,
  offer,
  ports,
  process,
  stockOf,
  TestTrade
} from "./TestTrade.ts"
import { TestDatabase } from "@mall/testing/TestDatabase"

const newOrderId = generator(OrderId)
const newPaymentId = generator(PaymentId)
const merchantId = idOf(newMerchantId)

const draftOf = (
  items: ReadonlyArray<readonly [SkuId, number]>,
  change: Partial<CheckoutDraft> = {}
): CheckoutDraft => {
  const { userId } = aBuyer()
  const total = cny(items.reduce((sum, [, quantity]) => sum + quantity * 100, 0))
  const placedAt = new Date()
  return {
    id: idOf(newCheckoutId),
    userId,
    paymentId: idOf(newPaymentId),
    total,
    orders: [
      {
        id: idOf(newOrderId),
        merchantId,
        total,
        lines: items.map(([skuId, quantity]) => ({
          skuId,
          productId: ProductId.make(skuId),
          title: { zh: "茶", en: "tea" },
          options: {},
          imageUrl: null,
          quantity,
          unitPrice: cny(100),
          total: cny(100 * quantity),
          returned: 0,
          refunded: cny(0)
        }))
      }
    ],
    address,
    remark: "",
    cartId: null,
    placedAt,
    expiresAt: new Date(placedAt.getTime() + 60_000),
    actor: { kind: "buyer", id: userId },
    traceId: null,
    ...change
  }
}

/** None of them takes anything out of a cart. */
const placeAll = (drafts: ReadonlyArray<CheckoutDraft>) =>
  OrderPlacement.use((placement) =>
    Effect.forEach(
      drafts,
      (draft) => Effect.exit(Effect.catchTag(placement.place(draft), "CartOvertaken", Effect.die)),
      { concurrency: "unbounded" }
    )
  )

const shortagesOf = (exits: ReadonlyArray<Exit.Exit<unknown, { readonly _tag: string; readonly available: number }>>) =>
  exits.flatMap((exit) => (Exit.isFailure(exit) ? Option.toArray(Cause.findErrorOption(exit.cause)) : []))

const countOf = Effect.fnUntraced(function* (
  table: "checkouts" | "orders" | "order_lines",
  skuIds?: ReadonlyArray<SkuId>
) {
  const sql = yield* SqlClient.SqlClient
  const rows =
    skuIds === undefined
      ? yield* sql<{ count: number }>`SELECT count(*) AS count FROM ${sql(`trade.${table}`)}`
      : yield* sql<{ count: number }>`
          SELECT coalesce(sum(quantity), 0)::bigint AS count FROM trade.order_lines WHERE sku_id = ANY (${skuIds}::uuid[])
        `
  return rows[0]?.count
})

layer(TestTrade, { excludeTestServices: true })("OrderPlacement", (it) => {
  it.effect("sells 100 pieces to exactly 100 of 500 buyers at once", () =>
    Effect.gen(function* () {
      const skuId = yield* offer({ onHand: 100 })
      const exits = yield* placeAll(Array.from({ length: 500 }, () => draftOf([[skuId, 1]])))
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 100)
      const shortages = shortagesOf(exits)
      assert.strictEqual(shortages.length, 400)
      assert.isTrue(shortages.every(({ _tag, available }) => _tag === "StockShort" && available === 0))
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 100, reserved: 100 })
      assert.strictEqual(yield* countOf("order_lines", [skuId]), 100)
    })
  )

  it.effect("fails only those of a group who do not fit, and says how many are left", () =>
    Effect.gen(function* () {
      const scarce = yield* offer({ onHand: 3 })
      const plenty = yield* offer({ onHand: 1000 })
      const exits = yield* placeAll([
        draftOf([[plenty, 1]]),
        draftOf([
          [plenty, 1],
          [scarce, 2]
        ]),
        draftOf([
          [plenty, 1],
          [scarce, 2]
        ]),
        draftOf([[scarce, 1]]),
        draftOf([[scarce, 1]]),
        draftOf([[plenty, 5]])
      ])
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, true, false, true, false, true])
      assert.deepStrictEqual(
        shortagesOf(exits).map(({ available }) => available),
        [1, 0]
      )
      assert.deepStrictEqual(yield* stockOf(scarce), { onHand: 3, reserved: 3 })
      assert.deepStrictEqual(yield* stockOf(plenty), { onHand: 1000, reserved: 7 })
    })
  )

  it.effect("sells what comes in while it waits for the stock", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const skuId = yield* offer({ onHand: 1 })
      const isWaiting = sql`
        SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
      `.pipe(
        Effect.repeat({ until: (rows) => rows.length > 0, schedule: Schedule.spaced("5 millis") }),
        Effect.updateContext((context: Context.Context<never>) => Context.omit(sql.transactionService)(context))
      )
      const placing = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`UPDATE trade.stock SET on_hand = 3 WHERE sku_id = ${skuId}`
          const fiber = yield* placeAll([draftOf([[skuId, 2]])]).pipe(
            Effect.updateContext((context: Context.Context<OrderPlacement>) =>
              Context.omit(sql.transactionService)(context)
            ),
            Effect.forkDetach
          )
          yield* isWaiting
          return fiber
        })
      )
      const exits = yield* Fiber.join(placing)
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true])
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 3, reserved: 2 })
    })
  )

  it.effect("knows nothing of a SKU that has no stock", () =>
    Effect.gen(function* () {
      const known = yield* offer({ onHand: 5 })
      const exits = yield* placeAll([draftOf([[yield* newSkuId, 1]]), draftOf([[known, 1]])])
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [false, true])
      assert.deepStrictEqual(yield* stockOf(known), { onHand: 5, reserved: 1 })
    })
  )

  it.effect("places the same operation once, however often and however differently it is tried", () =>
    Effect.gen(function* () {
      const skuId = yield* offer({ onHand: 1000 })
      const id = yield* newCheckoutId
      const attempts = Array.from({ length: 40 }, (_, n) => draftOf([[skuId, 1 + (n % 3)]], { id }))
      const others = Array.from({ length: 40 }, () => draftOf([[skuId, 1]]))
      const exits = yield* placeAll([...attempts, ...others])
      assert.isTrue(exits.every(Exit.isSuccess))
      assert.strictEqual(exits.filter((exit) => Exit.isSuccess(exit) && exit.value === "placed").length, 41)
      const again = yield* OrderPlacement.use((placement) => placement.place(draftOf([[skuId, 1]], { id })))
      assert.strictEqual(again, "known")
      const sold = yield* countOf("order_lines", [skuId])
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 1000, reserved: sold ?? 0 })
    })
  )

  it.effect("answers a known operation also when its pieces were the last", () =>
    Effect.gen(function* () {
      const skuId = yield* offer({ onHand: 1 })
      const draft = draftOf([[skuId, 1]])
      const exits = [...(yield* placeAll([draft])), ...(yield* placeAll([{ ...draft }]))]
      assert.deepStrictEqual(
        exits.map((exit) => Exit.isSuccess(exit) && exit.value),
        ["placed", "known"]
      )
    })
  )

  it.effect("fails alone whom the database refuses", () =>
    Effect.gen(function* () {
      const skuId = yield* offer({ onHand: 1000 })
      const good = Array.from({ length: 30 }, () => draftOf([[skuId, 1]]))
      const bad = draftOf([[skuId, 1]], { traceId: "a \u0000 that no table holds" })
      const exits = yield* placeAll([...good.slice(0, 11), bad, ...good.slice(11)])
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 30)
      assert.isFalse(exits.map(Exit.isSuccess)[11])
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 1000, reserved: 30 })
    })
  )

  it.effect("writes the timeout of every checkout with it, and of none that failed", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const skuId = yield* offer({ onHand: 1 })
      const drafts = [draftOf([[skuId, 1]]), draftOf([[skuId, 1]])]
      yield* placeAll(drafts)
      const rows = yield* sql`
        SELECT id, extract(epoch FROM visible_at - created_at) BETWEEN 59 AND 61 AS is_on_time FROM outbox
        WHERE queue_name = 'order_timeout.trade' AND id = ANY (${drafts.map(({ id }) => id)})
      `
      assert.deepStrictEqual(rows, [{ id: drafts[0]?.id, isOnTime: true }])
    })
  )
})

const shared = Layer.provideMerge(ports, TestDatabase)

layer(shared, { excludeTestServices: true })("OrderPlacement in two processes", (it) => {
  it.effect("neither oversells nor undersells, and places an operation once", () =>
    Effect.gen(function* () {
      const inProcess = <A, E>(effect: Effect.Effect<A, E, OrderPlacement>) =>
        Effect.scoped(Effect.provide(effect, Layer.fresh(process)))
      const skuIds = yield* Effect.provide(
        Effect.forEach([40, 60, 80], (onHand) => offer({ onHand })),
        Layer.fresh(process)
      )
      const drafts = Array.from({ length: 240 }, (_, n) => {
        const [a, b] = [skuIds[n % 3], skuIds[(n + 1) % 3]]
        return draftOf(
          a === undefined || b === undefined
            ? []
            : n % 2 === 0
              ? [[a, 1]]
              : [
                  [b, 1],
                  [a, 1]
                ]
        )
      })
      const [left, right] = yield* Effect.all([inProcess(placeAll(drafts)), inProcess(placeAll(drafts.toReversed()))], {
        concurrency: 2
      })
      const outcomes = left.map((exit, n) => [exit, right[drafts.length - 1 - n]] as const)
      for (const [one, other] of outcomes) {
        const values = [one, other].map((exit) => exit !== undefined && Exit.isSuccess(exit) && exit.value)
        assert.isFalse(values[0] === "placed" && values[1] === "placed", "placed twice")
      }
      for (const skuId of skuIds) {
        const stock = yield* stockOf(skuId)
        assert.strictEqual(stock?.reserved, yield* countOf("order_lines", [skuId]))
      }
      const remaining = new Map<SkuId, number>()
      for (const skuId of skuIds) {
        const stock = yield* stockOf(skuId)
        remaining.set(skuId, (stock?.onHand ?? 0) - (stock?.reserved ?? 0))
      }
      // Nothing came back, so whoever failed must still not fit into what is left.
      for (const [n, draft] of drafts.entries()) {
        const [one, other] = outcomes[n] ?? []
        if (one === undefined || other === undefined || Exit.isSuccess(one) || Exit.isSuccess(other)) continue
        const lines = draft.orders.flatMap((order) => order.lines)
        assert.isTrue(
          lines.some(({ quantity, skuId }) => (remaining.get(skuId) ?? 0) < quantity),
          "undersold"
        )
      }
    })
  )
})
