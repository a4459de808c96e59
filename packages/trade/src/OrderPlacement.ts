import { SkuId } from "@mall/domain/catalog/Catalog"
import { CartId } from "@mall/domain/trade/Cart"
import { CheckoutId } from "@mall/domain/trade/Order"
import { orderPlaced } from "@mall/domain/trade/OrderTopics"
import type { StockShort } from "@mall/domain/trade/TradeError"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Config, Context, Effect, Exit, Layer, Request, RequestResolver, Schema, Semaphore } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { CheckoutDraft } from "./CheckoutDraft.ts"
import { byTheirCarts, decide } from "./placementDecision.ts"
import { documentsOf, makePlacementStatement } from "./placementStatement.ts"
import { sealDraft } from "./sealedOrder.ts"
import type { SealedDraft } from "./sealedOrder.ts"

/** `known`: a checkout with this id was placed before, perhaps with other content; the draft was not. */
export type Placed = "placed" | "known"

/** The cart does not hold any more what the draft takes out of it: another checkout or a change of the cart came first. */
export class CartOvertaken extends Schema.TaggedError<CartOvertaken>()("CartOvertaken", {}) {
  override get message() {
    return "The cart was changed meanwhile"
  }
}

type Refusal = StockShort | CartOvertaken

class PlaceCheckout extends Request.Class<{ readonly draft: SealedDraft }, Placed, Refusal> {}

type Entry = Request.Entry<PlaceCheckout>
type Outcomes = ReadonlyMap<CheckoutId, Exit.Exit<Placed, Refusal>>

const GroupConfig = Config.all({
  size: Config.Int("ORDER_GROUP_SIZE").pipe(Config.withDefault(64)),
  inFlight: Config.Int("ORDER_GROUPS_IN_FLIGHT").pipe(Config.withDefault(3))
})

const outcomesOf = (
  fitting: ReadonlyArray<SealedDraft>,
  old: ReadonlySet<CheckoutId>,
  refused: ReadonlyMap<CheckoutId, Refusal>
): Outcomes =>
  new Map<CheckoutId, Exit.Exit<Placed, Refusal>>([
    ...fitting.map(({ id }) => [id, placed] as const),
    ...Array.from(old, (id) => [id, known] as const),
    ...Array.from(refused, ([id, refusal]) => [id, Exit.fail(refusal)] as const)
  ])

const placed = Exit.succeed<Placed>("placed")
const known = Exit.succeed<Placed>("known")

/**
 * Places orders by group commit. Concurrent drafts are gathered into groups, each one transaction: while as many groups as
 * may be in flight commit, the next one gathers, so that groups grow with the load and an idle server waits for nobody.
 *
 * `place` is atomic and idempotent by the draft's id. It fails with `StockShort` only where, under the locks of the stock
 * rows and in the order of arrival, the draft did not fit; no draft is failed by another of its group, but with `CartOvertaken` by one that
 * takes the same lines out of the same cart. Conflicts are
 * retried here. What a group publishes (`order_timeout`, `order_placed`) commits with it. Not to be called inside a
 * transaction, which the group of others could not be part of. Addresses are sealed before a draft waits for its group: once,
 * whatever is tried again.
 */
export class OrderPlacement extends Context.Service<
  OrderPlacement,
  {
    place(draft: CheckoutDraft): Effect.Effect<Placed, StockShort | CartOvertaken>
  }
>()("@mall/trade/OrderPlacement") {
  static readonly layerNoDeps = Layer.effect(
    OrderPlacement,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const outbox = yield* Outbox
      const keys = yield* PersonalDataKeys
      const config = yield* GroupConfig
      const slots = yield* Semaphore.make(config.inFlight)
      const placementStatement = yield* makePlacementStatement

      const selectKnown = SqlSchema.findAll({
        Request: Schema.Array(CheckoutId),
        Result: Schema.Struct({ id: CheckoutId }),
        execute: (ids) => sql`SELECT id FROM trade.checkouts WHERE id = ANY (${ids}::uuid[])`
      })

      const knownOf = (drafts: ReadonlyArray<SealedDraft>) =>
        Effect.map(selectKnown(drafts.map(({ id }) => id)), (rows) => new Set(rows.map(({ id }) => id)))

      const lockLevels = SqlSchema.findAll({
        Request: Schema.Array(SkuId),
        Result: Schema.Struct({ skuId: SkuId, available: Schema.Int }),
        execute: (skuIds) => sql`
          SELECT sku_id, on_hand - reserved AS available FROM trade.stock WHERE sku_id = ANY (${skuIds}::uuid[])
          ORDER BY stock.sku_id
          FOR UPDATE
        `
      })

      const lockHeld = SqlSchema.findAll({
        Request: Schema.Array(CartId),
        Result: Schema.Struct({ cartId: CartId, skuId: SkuId, quantity: Schema.Int }),
        execute: (cartIds) => sql`
          SELECT cart_id, sku_id, quantity FROM trade.cart_items WHERE cart_id = ANY (${cartIds}::uuid[])
          ORDER BY cart_items.cart_id, cart_items.sku_id
          FOR UPDATE
        `
      })

      /** Places all or none; true where all fitted. */
      const insertAll = Effect.fnUntraced(function* (drafts: ReadonlyArray<SealedDraft>) {
        const [verdict] = yield* placementStatement(yield* documentsOf(drafts))
        if (verdict?.fits !== true) return false
        yield* outbox.announce(orderPlaced)
        return true
      })

      /** Places whoever fits, in the order of arrival. */
      const placeFitting = Effect.fnUntraced(function* (drafts: ReadonlyArray<SealedDraft>) {
        const skuIds = drafts.flatMap(({ orders }) => orders.flatMap(({ lines }) => lines.map(({ skuId }) => skuId)))
        const levels = yield* lockLevels(Array.from(new Set(skuIds)))
        const old = yield* knownOf(drafts)
        const held = yield* lockHeld(drafts.flatMap(({ cartId }) => cartId ?? []))
        const { backed, overtaken } = byTheirCarts(
          drafts.filter(({ id }) => !old.has(id)),
          held
        )
        const { fitting, short } = decide(backed, new Map(levels.map(({ available, skuId }) => [skuId, available])))
        // The rows stay locked, so what fitted still does.
        if (fitting.length > 0 && !(yield* insertAll(fitting))) {
          return yield* Effect.die(new Error("Orders that fitted under lock did not fit"))
        }
        const refused = overtaken.map(({ id }) => [id, new CartOvertaken({})] as const)
        return outcomesOf(fitting, old, new Map<CheckoutId, Refusal>([...short, ...refused]))
      }, sql.withTransaction)

      /** One statement is the whole work, unless the group as a whole asks for more than there is. */
      const attempt = Effect.fnUntraced(
        function* (drafts: ReadonlyArray<SealedDraft>) {
          return (yield* insertAll(drafts)) ? outcomesOf(drafts, new Set(), new Map()) : yield* placeFitting(drafts)
        },
        retryConflicts,
        Effect.catchTag("SchemaError", Effect.die)
      )

      /** A taken id or a value that the database refuses spoils the group: what is to blame is set apart, the rest goes on. */
      const setApart = Effect.fnUntraced(
        function* (drafts: ReadonlyArray<SealedDraft>, error: SqlError) {
          const old = yield* knownOf(drafts)
          const rest = drafts.filter(({ id }) => !old.has(id))
          const outcomes = outcomesOf([], old, new Map())
          if (rest.length === 0) return outcomes
          if (error.isRetryable || (rest.length === 1 && drafts.length === 1)) return yield* error
          const half = rest.length === drafts.length ? Math.ceil(rest.length / 2) : rest.length
          const parts = yield* Effect.forEach([rest.slice(0, half), rest.slice(half)], placeGroup)
          return new Map([...outcomes, ...parts.flatMap((part) => Array.from(part))])
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      const placeGroup = (drafts: ReadonlyArray<SealedDraft>): Effect.Effect<Outcomes> =>
        drafts.length === 0
          ? Effect.succeed(new Map())
          : attempt(drafts).pipe(
              Effect.catchTag("SqlError", (error) => setApart(drafts, error)),
              Effect.catchTag("SqlError", (error) =>
                Effect.succeed(new Map(drafts.map(({ id }) => [id, Exit.die(error)])))
              )
            )

      const runGroup = Effect.fnUntraced(function* (entries: ReadonlyArray<Entry>) {
        const drafts = new Map<CheckoutId, SealedDraft>()
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
        place: Effect.fn("OrderPlacement.place")((draft) =>
          Effect.request(new PlaceCheckout({ draft: sealDraft(keys, draft) }), resolver)
        )
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(PersonalDataKeys.layer))
}

/** What the second of two requests with one id learns, given the outcome of the first. */
const secondOf = (outcome: Exit.Exit<Placed, Refusal>) => (Exit.isSuccess(outcome) ? known : outcome)
