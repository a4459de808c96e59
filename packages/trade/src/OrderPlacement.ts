import type { SkuId } from "@mall/domain/catalog/Catalog"
import { CheckoutId } from "@mall/domain/trade/Order"
import { orderPlaced, orderTimeout } from "@mall/domain/trade/OrderTopics"
import type { StockShort } from "@mall/domain/trade/TradeError"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Config, Context, Effect, Exit, Layer, Request, RequestResolver, Schema, Semaphore } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { CheckoutDraft } from "./CheckoutDraft.ts"
import { decide } from "./placementDecision.ts"
import { documentsOf, makePlacementStatement } from "./placementStatement.ts"

/** `known`: a checkout with this id was placed before, perhaps with other content; the draft was not. */
export type Placed = "placed" | "known"

class PlaceCheckout extends Request.Class<{ readonly draft: CheckoutDraft }, Placed, StockShort> {}

type Entry = Request.Entry<PlaceCheckout>
type Outcomes = ReadonlyMap<CheckoutId, Exit.Exit<Placed, StockShort>>

const GroupConfig = Config.all({
  size: Config.Int("ORDER_GROUP_SIZE").pipe(Config.withDefault(64)),
  inFlight: Config.Int("ORDER_GROUPS_IN_FLIGHT").pipe(Config.withDefault(3))
})

const placed = Exit.succeed<Placed>("placed")
const known = Exit.succeed<Placed>("known")

/**
 * Places orders by group commit. Concurrent drafts are gathered into groups, each one transaction: while as many groups as
 * may be in flight commit, the next one gathers, so that groups grow with the load and an idle server waits for nobody.
 *
 * `place` is atomic and idempotent by the draft's id. It fails with `StockShort` only where, under the locks of the stock
 * rows and in the order of arrival, the draft did not fit; no draft is failed by another of its group. Conflicts are
 * retried here. What a group publishes (`order_timeout`, `order_placed`) commits with it.
 */
export class OrderPlacement extends Context.Service<
  OrderPlacement,
  {
    place(draft: CheckoutDraft): Effect.Effect<Placed, StockShort>
  }
>()("@mall/trade/OrderPlacement") {
  static readonly layer = Layer.effect(
    OrderPlacement,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const outbox = yield* Outbox
      const config = yield* GroupConfig
      const slots = yield* Semaphore.make(config.inFlight)
      const placementStatement = yield* makePlacementStatement

      const selectKnown = SqlSchema.findAll({
        Request: Schema.Array(CheckoutId),
        Result: Schema.Struct({ id: CheckoutId }),
        execute: (ids) => sql`SELECT id FROM trade.checkouts WHERE id = ANY (${ids}::uuid[])`
      })

      const insertAll = (drafts: ReadonlyArray<CheckoutDraft>) =>
        placementStatement(documentsOf(drafts)).pipe(Effect.catchTag("SchemaError", Effect.die))

      const publish = Effect.fnUntraced(function* (drafts: ReadonlyArray<CheckoutDraft>) {
        const byWait = Map.groupBy(drafts, (draft) => draft.expiresAt.getTime() - draft.placedAt.getTime())
        const timeouts = Array.from(byWait, ([milliseconds, group]) =>
          outbox.publishAll(
            orderTimeout,
            group.map(({ id }) => ({ checkoutId: id })),
            { delay: milliseconds }
          )
        )
        const news = outbox.publishAll(
          orderPlaced,
          drafts.flatMap((draft) =>
            draft.orders.map((order) => ({
              orderId: order.id,
              checkoutId: draft.id,
              paymentId: draft.paymentId,
              userId: draft.userId,
              merchantId: order.merchantId,
              total: order.total,
              at: draft.placedAt
            }))
          )
        )
        // One connection serves the transaction: sent together, they share its round trip.
        yield* Effect.all([...timeouts, news], { concurrency: "unbounded", discard: true })
      })

      /** Places who fits. The first statement is the whole work unless the group as a whole asks for too much. */
      const placeFitting = Effect.fnUntraced(
        function* (drafts: ReadonlyArray<CheckoutDraft>) {
          const outcomes = new Map<CheckoutId, Exit.Exit<Placed, StockShort>>()
          const levels = yield* insertAll(drafts)
          if (levels[0]?.fits === true) {
            yield* publish(drafts)
            for (const { id } of drafts) outcomes.set(id, placed)
            return outcomes
          }
          // The rows stay locked, so what was available still is.
          const available = new Map(levels.map((level): [SkuId, number] => [level.skuId, level.available]))
          const old = new Set((yield* selectKnown(drafts.map(({ id }) => id))).map(({ id }) => id))
          const { fitting, short } = decide(
            drafts.filter(({ id }) => !old.has(id)),
            available
          )
          if (fitting.length > 0) {
            const again = yield* insertAll(fitting)
            if (again[0]?.fits !== true)
              return yield* Effect.die(new Error("A group that fitted under lock did not fit"))
            yield* publish(fitting)
          }
          for (const id of old) outcomes.set(id, known)
          for (const { id } of fitting) outcomes.set(id, placed)
          for (const [id, shortage] of short) outcomes.set(id, Exit.fail(shortage))
          return outcomes
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SchemaError", Effect.die)
      )

      const withoutKnown = Effect.fnUntraced(
        function* (drafts: ReadonlyArray<CheckoutDraft>) {
          const old = new Set((yield* selectKnown(drafts.map(({ id }) => id))).map(({ id }) => id))
          const outcomes = new Map<CheckoutId, Exit.Exit<Placed, StockShort>>()
          for (const id of old) outcomes.set(id, known)
          const rest = drafts.filter(({ id }) => !old.has(id))
          return { outcomes, rest }
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      /** A taken id or a value that the database refuses spoils the group: what is to blame is set apart, the rest goes on. */
      const setApart = Effect.fnUntraced(function* (drafts: ReadonlyArray<CheckoutDraft>, error: SqlError) {
        const { outcomes, rest } = yield* withoutKnown(drafts)
        if (rest.length === 0) return outcomes
        if (error.isRetryable || (rest.length === 1 && drafts.length === 1)) return yield* error
        const half = rest.length === drafts.length ? Math.ceil(rest.length / 2) : rest.length
        const parts = yield* Effect.forEach([rest.slice(0, half), rest.slice(half)], placeGroup)
        return new Map([...outcomes, ...parts.flatMap((part) => Array.from(part))])
      })

      const placeGroup = (drafts: ReadonlyArray<CheckoutDraft>): Effect.Effect<Outcomes> =>
        drafts.length === 0
          ? Effect.succeed(new Map())
          : placeFitting(drafts).pipe(
              Effect.catchTag("SqlError", (error) => setApart(drafts, error)),
              Effect.catchTag("SqlError", (error) =>
                Effect.succeed(new Map(drafts.map(({ id }) => [id, Exit.die(error)])))
              )
            )

      const runGroup = Effect.fnUntraced(function* (entries: ReadonlyArray<Entry>) {
        const drafts = new Map<CheckoutId, CheckoutDraft>()
        for (const { request } of entries) {
          if (!drafts.has(request.draft.id)) drafts.set(request.draft.id, request.draft)
        }
        const outcomes = yield* placeGroup(Array.from(drafts.values()))
        for (const entry of entries) {
          const { draft } = entry.request
          const outcome = outcomes.get(draft.id)
          if (outcome !== undefined) entry.completeUnsafe(drafts.get(draft.id) === draft ? outcome : secondOf(outcome))
        }
      })

      const resolver = RequestResolver.makeWith<PlaceCheckout>({
        batchKey: () => slots,
        // Gathers until a slot is free; the slot itself is taken by `runAll`, so that an interrupted wait leaves none taken.
        delay: Effect.andThen(Effect.yieldNow, slots.withPermit(Effect.void)),
        collectWhile: (entries) => entries.size < config.size,
        runAll: (entries) => slots.withPermit(runGroup(entries))
      })

      return OrderPlacement.of({
        place: Effect.fn("OrderPlacement.place")((draft) => Effect.request(new PlaceCheckout({ draft }), resolver))
      })
    })
  )
}

/** What the second of two requests with one id learns, given the outcome of the first. */
const secondOf = (outcome: Exit.Exit<Placed, StockShort>) => (Exit.isSuccess(outcome) ? known : outcome)
