import { assert, describe, layer } from "@effect/vitest"
import { SkuId } from "@mall/domain/catalog/Catalog"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Stock } from "@mall/domain/trade/Stock"
import * as Sql from "@mall/platform/Sql"
import { readsOf } from "@mall/platform/Tenancy"
import type { TenantRole } from "@mall/platform/Tenancy"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import * as Inventory from "@mall/trade/Inventory"
import { Context, Effect, Exit, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** One database as its owner, the mall and the pay platform reach it. */
class Reached extends Context.Service<
  Reached,
  { readonly owner: SqlClient.SqlClient; readonly store: SqlClient.SqlClient; readonly pay: SqlClient.SqlClient }
>()("@mall/server/test/Reached") {
  static readonly layer = Layer.effect(
    Reached,
    Effect.gen(function* () {
      const url = yield* acquireDatabase
      const reach = (role?: Sql.DatabaseRole) =>
        Effect.map(
          Layer.build(Layer.fresh(Sql.layerUrl(url, role === undefined ? {} : { role }))),
          Context.get(SqlClient.SqlClient)
        )
      return { owner: yield* reach(), store: yield* reach("mall_store"), pay: yield* reach("mall_pay") }
    })
  )
}

const text = `{"zh": "", "en": "x"}`
const newId = generator(Schema.String.check(Schema.isUUID(7)).pipe(Schema.brand("SomeId")))

/** A product with one SKU in stock, an account of its own at a channel, and a payment of which a part is given back. */
const fill = Effect.fnUntraced(function* (shop: string, category: string) {
  const { owner: sql } = yield* Reached
  const [product, sku, payment, attempt] = [yield* newId, yield* newId, yield* newId, yield* newId]
  yield* sql`
    INSERT INTO catalog.products
      (id, merchant_id, category_id, title, description, images, status, version, created_at, updated_at)
    VALUES (${product}, ${shop}, ${category}, ${text}::jsonb, ${text}::jsonb, '[]', 'draft', 1, now(), now())
  `
  yield* sql`
    INSERT INTO identity.users (id, email, password_hash, name, locale, roles, merchant_id, personal_data_key, token_version_at, created_at, updated_at)
    VALUES (${product}, ${product}, 'x', 'x', 'en', ARRAY['customer', 'merchant'], ${shop}, '', now(), now(), now())
  `
  yield* sql`INSERT INTO trade.stock (sku_id, merchant_id, on_hand) VALUES (${sku}, ${shop}, 7)`
  yield* sql`
    INSERT INTO trade.stock_movements (sku_id, kind, quantity, actor, at) VALUES (${sku}, 'receive', 7, 'system', now())
  `
  yield* sql`
    INSERT INTO payments.channel_credentials
      (id, merchant_id, channel, version, account, masked, key_id, sealed, created_at)
    VALUES (${yield* newId}, ${shop}, 'stripe', 1, 'acct', '{}', 'k', decode('00', 'hex'), now())
  `
  yield* sql`
    INSERT INTO payments.intents (
      id, merchant_id, amount, currency, captured, held, status, reference, description, metadata, expires_at,
      next_close_at, paid_at, created_at, updated_at
    )
    VALUES (
      ${payment}, ${shop}, 100, 'CNY', 100, 30, 'refunding', ${payment}, 'x', '{}', now(), now(), now(), now(), now()
    )
  `
  yield* sql`
    INSERT INTO payments.attempts (id, payment_id, channel, method, amount, currency, status, created_at, updated_at)
    VALUES (${attempt}, ${payment}, 'stripe', 'card', 100, 'CNY', 'succeeded', now(), now())
  `
  yield* sql`
    INSERT INTO payments.refunds
      (id, payment_id, attempt_id, amount, currency, surplus, reason, status, created_at, updated_at)
    VALUES (${yield* newId}, ${payment}, ${attempt}, 30, 'CNY', false, 'broken', 'pending', now(), now())
  `
  yield* sql`
    INSERT INTO platform.audit_entries
      (id, action, resource_type, resource_id, merchant_id, actor_kind, actor_id, actor_roles, at)
    VALUES (${yield* newId}, 'stock.set', 'sku', ${sku}, ${shop}, 'user', 'somebody', '{}', now())
  `
})

/** Two shops that sell and are paid. */
const twoShops = Effect.gen(function* () {
  const { owner: sql } = yield* Reached
  const [ours, theirs, category] = [yield* newId, yield* newId, yield* newId]
  yield* sql`
    INSERT INTO catalog.categories (id, code, name, position, path, created_at, updated_at)
    VALUES (${category}, ${category}, ${text}::jsonb, 1, ${category}, now(), now())
  `
  for (const shop of [ours, theirs]) {
    yield* sql`
      INSERT INTO catalog.merchants (id, code, name, created_at) VALUES (${shop}, ${shop}, ${text}::jsonb, now())
    `
    yield* fill(shop, category)
  }
  return { ours, theirs }
})

/** Rows of merchants, for each role that reaches them; of what has no `merchant_id`, by its parent. */
const rowsOf = {
  mall_store_tenant: [
    "identity.users",
    "catalog.products",
    "trade.stock",
    "trade.stock_movements JOIN trade.stock USING (sku_id)",
    "platform.audit_entries"
  ],
  mall_pay_tenant: [
    "payments.channel_credentials",
    "payments.intents",
    "payments.refunds JOIN payments.intents ON intents.id = refunds.payment_id",
    "platform.audit_entries"
  ]
} as const

const merchantsOf = (sql: SqlClient.SqlClient, rows: (typeof rowsOf)[TenantRole][number]) =>
  SqlSchema.findAll({
    Request: Schema.Void,
    Result: Schema.Struct({ merchantId: Schema.String }),
    // the WHERE that somebody forgot
    execute: () => sql`SELECT merchant_id FROM ${sql.literal(rows)}`
  })().pipe(Effect.map((rows) => rows.map(({ merchantId }) => merchantId).toSorted()))

describe("tenants", () => {
  layer(Reached.layer, { timeout: "60 seconds" })((it) => {
    it.effect("see their own rows alone where a WHERE is missing", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* twoShops
        const { pay, store } = yield* Reached
        for (const [sql, role] of [
          [store, "mall_store_tenant"],
          [pay, "mall_pay_tenant"]
        ] as const) {
          for (const rows of rowsOf[role]) {
            const all = yield* merchantsOf(sql, rows)
            assert.include(all, ours, rows)
            assert.include(all, theirs, rows)
            const seen = yield* merchantsOf(sql, rows).pipe(readsOf(sql, role, { merchantId: ours }))
            assert.deepStrictEqual(seen, [ours], rows)
          }
        }
      })
    )

    it.effect("see nothing where nobody said who they are", () =>
      Effect.gen(function* () {
        yield* twoShops
        const { store } = yield* Reached
        const seen = yield* store.withTransaction(
          Effect.andThen(store`SET LOCAL ROLE mall_store_tenant`, merchantsOf(store, "catalog.products"))
        )
        assert.deepStrictEqual(seen, [])
      })
    )

    it.effect("write into their own rows alone, however wrong the statement is", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* twoShops
        const { owner, store } = yield* Reached
        const as = readsOf(store, "mall_store_tenant", { merchantId: ours })
        const changed = yield* as(store`UPDATE catalog.products SET version = version + 1 RETURNING merchant_id`)
        assert.deepStrictEqual(
          changed.map((row) => row["merchantId"]),
          [ours]
        )
        const removed = yield* as(store`DELETE FROM catalog.products WHERE merchant_id = ${theirs} RETURNING id`)
        assert.lengthOf(removed, 0)
        const given = yield* Effect.flip(
          as(store`UPDATE catalog.products SET merchant_id = ${theirs} WHERE merchant_id = ${ours}`)
        )
        assert.strictEqual(given._tag, "SqlError")
        assert.strictEqual(given._tag === "SqlError" ? given.reason._tag : "", "AuthorizationError")
        const [row] = yield* owner`SELECT version FROM catalog.products WHERE merchant_id = ${theirs}`
        assert.strictEqual(row?.["version"], 1)
      })
    )

    it.effect("change their own stock and refunds alone, and leave no act in another's trail", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* twoShops
        const { owner, pay, store } = yield* Reached
        const asStore = readsOf(store, "mall_store_tenant", { merchantId: ours })
        const asPay = readsOf(pay, "mall_pay_tenant", { merchantId: ours })
        assert.lengthOf(yield* asStore(store`UPDATE trade.stock SET on_hand = 0 RETURNING sku_id`), 1)
        assert.lengthOf(yield* asPay(pay`UPDATE payments.refunds SET status = 'failed' RETURNING id`), 1)
        const [left] = yield* owner`
          SELECT
            (SELECT on_hand FROM trade.stock WHERE merchant_id = ${theirs}) AS on_hand,
            (SELECT r.status FROM payments.refunds AS r JOIN payments.intents AS i ON i.id = r.payment_id
              WHERE i.merchant_id = ${theirs}) AS status
        `
        assert.deepStrictEqual(left, { onHand: 7, status: "pending" })
        for (const wrong of [
          asStore(store`INSERT INTO trade.stock (sku_id, merchant_id, on_hand) VALUES (${yield* newId}, ${theirs}, 1)`),
          asStore(store`UPDATE trade.stock SET merchant_id = ${theirs}`),
          asStore(store`
            INSERT INTO trade.stock_movements (sku_id, kind, quantity, actor, at)
            VALUES (${yield* newId}, 'receive', 1, 'x', now())`),
          asStore(store`
            INSERT INTO platform.audit_entries
              (id, action, resource_type, resource_id, merchant_id, actor_kind, actor_id, actor_roles, at)
            VALUES (${yield* newId}, 'stock.set', 'sku', 'x', ${theirs}, 'user', 'x', '{}', now())`)
        ]) {
          const error = yield* Effect.flip(wrong)
          assert.strictEqual(error.reason._tag, "AuthorizationError")
        }
      })
    )

    it.effect("set the stock of their own SKUs alone, through the service that staff reach", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* twoShops
        const { owner, store } = yield* Reached
        const [row] = yield* SqlSchema.findAll({
          Request: Schema.String,
          Result: Schema.Struct({ skuId: SkuId, merchantId: MerchantId }),
          execute: (shop) => owner`SELECT sku_id, merchant_id FROM trade.stock WHERE merchant_id = ${shop}`
        })(theirs)
        const { skuId } = yield* Effect.fromNullishOr(row)
        const stock = Context.get(
          yield* Layer.build(Inventory.layer.pipe(Layer.provide(Layer.succeed(SqlClient.SqlClient, store)))),
          Stock
        )
        const as = readsOf(store, "mall_store_tenant", { merchantId: ours })
        for (const merchantId of [ours, theirs].map((id) => MerchantId.make(id))) {
          const exit = yield* Effect.exit(as(stock.setOnHand([{ skuId, merchantId, onHand: 1 }], "system")))
          assert.isTrue(Exit.hasDies(exit))
        }
        const [left] = yield* owner`SELECT on_hand FROM trade.stock WHERE sku_id = ${skuId}`
        assert.strictEqual(left?.["onHand"], 7)
        // what is shown to everybody is not what the first who asks may see
        assert.strictEqual((yield* as(stock.available([skuId]))).get(skuId), 7)
      })
    )

    it.effect("cannot become anybody else, and leave no trace on the connection", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* twoShops
        const { store } = yield* Reached
        yield* merchantsOf(store, "catalog.products").pipe(
          readsOf(store, "mall_store_tenant", { merchantId: ours }),
          Effect.replicateEffect(20, { concurrency: 20 })
        )
        const seen = yield* merchantsOf(store, "catalog.products").pipe(Effect.replicateEffect(20, { concurrency: 20 }))
        for (const merchants of seen) assert.include(merchants, theirs)
      })
    )
  })
})

describe("the mall and the pay platform", () => {
  layer(Reached.layer, { timeout: "60 seconds" })((it) => {
    it.effect("have no rights on each other's tables", () =>
      Effect.gen(function* () {
        const { owner, pay, store } = yield* Reached
        const tables = yield* owner`
          SELECT c.oid::regclass::text AS name, c.relnamespace::regnamespace::text AS schema
          FROM pg_class c WHERE c.relkind = 'r'
            AND c.relnamespace::regnamespace::text IN ('identity', 'catalog', 'trade', 'payments')
        `
        assert.isAbove(tables.length, 40)
        for (const { name, schema } of tables) {
          const table = String(name)
          const [reaches, refused] = schema === "payments" ? [pay, store] : [store, pay]
          yield* reaches`SELECT 1 FROM ${reaches.literal(table)} LIMIT 1`
          const error = yield* Effect.flip(refused`SELECT 1 FROM ${refused.literal(table)} LIMIT 1`)
          assert.strictEqual(error.reason._tag, "AuthorizationError", table)
        }
      })
    )

    it.effect("cannot change what tables there are", () =>
      Effect.gen(function* () {
        const { pay, store } = yield* Reached
        const orders = yield* Effect.flip(store`ALTER TABLE trade.orders DISABLE ROW LEVEL SECURITY`)
        const intents = yield* Effect.flip(pay`DROP TABLE payments.intents`)
        for (const error of [orders, intents]) assert.strictEqual(error.reason._tag, "AuthorizationError")
      })
    )
  })
})
