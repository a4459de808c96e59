import { shopOf } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { LocalizedText } from "@mall/domain/kernel/LocalizedText"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { MerchantNotFound, ShopCodeTaken, ShopNameInPast, ShopNotFound } from "@mall/domain/merchants/MerchantError"
import { Shop, ShopChange, ShopId, ShopStatus } from "@mall/domain/merchants/Shop"
import type { NewShop, ShopEdit } from "@mall/domain/merchants/Shop"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { readsOf, transactionOf } from "@mall/platform/Tenancy"
import { Context, DateTime, Effect, Equal, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { jsonText, rulingOf } from "../Actor.ts"
import type { PageRequest, Ruling } from "../Actor.ts"

const cursor = cursorOf(ShopId)
const newShopId = generator(ShopId)

/** A name and a state, from when on. */
const Phase = Schema.Struct({ name: LocalizedText, status: ShopStatus })
type Phase = typeof Phase.Type
const LaterPhase = Schema.Struct({ ...Phase.fields, effectiveFrom: Schema.Date })

/** What a later phase is once the one before it, which was `was`, is `is`: what it did not change, it takes over. */
const following = (then: Phase, was: Phase, is: Phase): Phase => ({
  name: Equal.equals(then.name, was.name) ? is.name : then.name,
  status: then.status === was.status ? is.status : then.status
})

/** The shops of the merchant whose staff the caller is. Another's shop is one that does not exist. */
export class Shops extends Context.Service<
  Shops,
  {
    list(caller: Principal, page: PageRequest): Effect.Effect<Page<Shop>, InvalidCursor>
    /** With that id; where the caller made it before (a retry), answers with it. */
    create(caller: Principal, id: ShopId, shop: NewShop): Effect.Effect<Shop, MerchantNotFound | ShopCodeTaken>
    edit(caller: Principal, id: ShopId, edit: ShopEdit): Effect.Effect<Shop, ShopNotFound | ShopNameInPast>
    /** What it was, and will be, called; the newest first, at most 500. */
    history(caller: Principal, id: ShopId): Effect.Effect<ReadonlyArray<ShopChange>, ShopNotFound>
    /** The one that a merchant begins with, in the ambient transaction. */
    openFirst(merchantId: MerchantId, shop: NewShop, ruling: Ruling): Effect.Effect<void, SqlError>
  }
>()("@mall/merchants/shops/Shops") {
  static readonly layer = Layer.effect(
    Shops,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const decodeShops = Schema.decodeUnknownEffect(Schema.Array(Shop))

      const select = Effect.fnUntraced(
        function* (
          merchantId: MerchantId,
          filter: { readonly id?: ShopId; readonly before?: ShopId; readonly limit: number }
        ) {
          const clauses = [
            sql`s.merchant_id = ${merchantId}`,
            ...(filter.id === undefined ? [] : [sql`s.id = ${filter.id}`]),
            ...(filter.before === undefined ? [] : [sql`s.id < ${filter.before}`])
          ]
          const rows = yield* sql`
            SELECT s.id, s.merchant_id, s.code, s.created_at, h.name, h.status, h.effective_from AS updated_at
            FROM merchants.shops AS s CROSS JOIN LATERAL (
              SELECT p.name, p.status, p.effective_from FROM merchants.shop_history AS p
              WHERE p.shop_id = s.id AND p.effective_from <= ${yield* DateTime.nowAsDate}
              ORDER BY p.effective_from DESC, p.id DESC LIMIT 1
            ) AS h
            WHERE ${sql.and(clauses)} ORDER BY s.id DESC LIMIT ${filter.limit}`
          return yield* decodeShops(rows)
        },
        Effect.catchTag("SchemaError", Effect.die)
      )
      const selectHistory = SqlSchema.findAll({
        Request: ShopId,
        Result: ShopChange,
        execute: (id) => sql`
          SELECT h.* FROM merchants.shop_history AS h WHERE h.shop_id = ${id}
          ORDER BY h.effective_from DESC, h.id DESC LIMIT 500`
      })
      const selectPhase = SqlSchema.findOne({
        Request: Schema.Struct({ id: ShopId, at: Schema.Date }),
        Result: Phase,
        execute: ({ at, id }) => sql`
          SELECT h.name, h.status FROM merchants.shop_history AS h WHERE h.shop_id = ${id} AND h.effective_from <= ${at}
          ORDER BY h.effective_from DESC, h.id DESC LIMIT 1`
      })

      const selectLater = SqlSchema.findAll({
        Request: Schema.Struct({ id: ShopId, from: Schema.Date }),
        Result: LaterPhase,
        execute: ({ from, id }) => sql`
          SELECT DISTINCT ON (h.effective_from) h.name, h.status, h.effective_from FROM merchants.shop_history AS h
          WHERE h.shop_id = ${id} AND h.effective_from > ${from} ORDER BY h.effective_from, h.id DESC`
      })

      const phase = Effect.fnUntraced(function* (
        id: ShopId,
        { name, status }: Phase,
        from: Date,
        { actor, reason }: Ruling,
        at: Date
      ) {
        yield* sql`
          INSERT INTO merchants.shop_history (shop_id, name, status, effective_from, actor, reason, trace_id, at)
          VALUES (${id}, ${jsonText(name)}::jsonb, ${status}, ${from}, ${actor}, ${reason}, ${yield* currentTraceId}, ${at})`
      })

      const insert = Effect.fnUntraced(function* (
        id: ShopId,
        merchantId: MerchantId,
        { code, name }: NewShop,
        ruling: Ruling
      ) {
        const now = yield* DateTime.nowAsDate
        yield* sql`
          INSERT INTO merchants.shops (id, merchant_id, code, created_at) VALUES (${id}, ${merchantId}, ${code}, ${now})`
        yield* phase(id, { name, status: "open" }, now, ruling, now)
      })

      /** The shop of the caller's merchant that has this id, in a transaction of that merchant's. */
      const own = Effect.fnUntraced(function* (merchantId: MerchantId, id: ShopId) {
        const [shop] = yield* select(merchantId, { id, limit: 1 })
        return shop ?? (yield* new ShopNotFound({}))
      })

      const runs = (caller: Principal) => shopOf(caller, "merchants:profile")
      const asTenant = (caller: Principal, merchantId: MerchantId) =>
        transactionOf(sql, "mall_store_tenant", { merchantId, userId: caller.userId })

      const create = Effect.fn("Shops.create")(
        function* (caller: Principal, id: ShopId, input: NewShop) {
          const merchant = runs(caller)
          if (Option.isNone(merchant)) return yield* new MerchantNotFound({})
          return yield* Effect.gen(function* () {
            const [made] = yield* select(merchant.value, { id, limit: 1 })
            if (made !== undefined) return made
            yield* Effect.catchReason(
              insert(id, merchant.value, input, rulingOf(caller, "opened")),
              "SqlError",
              "UniqueViolation",
              () => Effect.fail(new ShopCodeTaken({}))
            )
            const shop = yield* Effect.catchTag(own(merchant.value, id), "ShopNotFound", Effect.die)
            const resource = { type: "shop", id }
            yield* audit.record({ action: "shop.create", resource, merchantId: merchant.value, after: shop })
            return shop
          }).pipe(asTenant(caller, merchant.value))
        },
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const edit = Effect.fn("Shops.edit")(
        function* (caller: Principal, id: ShopId, { effectiveFrom, name, reason, status }: ShopEdit) {
          const merchant = runs(caller)
          if (Option.isNone(merchant)) return yield* new ShopNotFound({})
          return yield* Effect.gen(function* () {
            yield* sql`SELECT FROM merchants.shops WHERE id = ${id} FOR UPDATE`
            const shop = yield* own(merchant.value, id)
            const now = yield* DateTime.nowAsDate
            const from = effectiveFrom ?? now
            if (from < now) return yield* new ShopNameInPast({})
            const before = yield* selectPhase({ id, at: from })
            const after = { name: name ?? before.name, status: status ?? before.status }
            const ruling = rulingOf(caller, reason)
            yield* phase(id, after, from, ruling, now)
            let [was, is]: readonly [Phase, Phase] = [before, after]
            for (const { effectiveFrom, ...then } of yield* selectLater({ id, from })) {
              const next = following(then, was, is)
              if (!Equal.equals(next, then)) yield* phase(id, next, effectiveFrom, ruling, now)
              ;[was, is] = [then, next]
            }
            const resource = { type: "shop", id }
            const dated = { ...after, effectiveFrom: from }
            yield* audit.record({
              action: "shop.edit",
              resource,
              merchantId: merchant.value,
              reason,
              before,
              after: dated
            })
            return from <= now ? new Shop({ ...shop, ...after, updatedAt: now }) : shop
          }).pipe(asTenant(caller, merchant.value))
        },
        retryConflicts,
        Effect.catchTag(["SqlError", "SchemaError", "NoSuchElementError"], Effect.die)
      )

      return Shops.of({
        list: Effect.fn("Shops.list")(
          function* (caller, { after, limit = defaultLimit }) {
            const before = after === undefined ? {} : { before: yield* cursor.decode(after) }
            const merchant = runs(caller)
            if (Option.isNone(merchant)) return { data: [], nextCursor: null }
            const rows = yield* select(merchant.value, { ...before, limit: limit + 1 }).pipe(
              readsOf(sql, "mall_store_tenant", { merchantId: merchant.value })
            )
            return toPage(rows, limit, ({ id }) => cursor.encode(id))
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        create,
        edit,
        history: Effect.fn("Shops.history")(
          function* (caller, id) {
            const merchant = runs(caller)
            if (Option.isNone(merchant)) return yield* new ShopNotFound({})
            return yield* Effect.andThen(own(merchant.value, id), selectHistory(id)).pipe(
              readsOf(sql, "mall_store_tenant", { merchantId: merchant.value })
            )
          },
          Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
        ),
        openFirst: (merchantId, shop, ruling) => Effect.flatMap(newShopId, (id) => insert(id, merchantId, shop, ruling))
      })
    })
  )
}
