import { assert, describe, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import * as Sql from "@mall/platform/Sql"
import { readsOf } from "@mall/platform/Tenancy"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { Context, Effect, Layer, Schema } from "effect"
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

const newId = generator(Schema.String.check(Schema.isUUID(7)).pipe(Schema.brand("SomeId")))

/** Two shops, each with a product and an account of its own at a channel. */
const twoShops = Effect.gen(function* () {
  const { owner: sql } = yield* Reached
  const [ours, theirs, category] = [yield* newId, yield* newId, yield* newId]
  const text = `{"zh": "", "en": "x"}`
  yield* sql`
    INSERT INTO catalog.categories (id, code, name, position, path, created_at, updated_at)
    VALUES (${category}, ${category}, ${text}::jsonb, 1, ${category}, now(), now())
  `
  for (const shop of [ours, theirs]) {
    yield* sql`
      INSERT INTO catalog.merchants (id, code, name, created_at) VALUES (${shop}, ${shop}, ${text}::jsonb, now())
    `
    yield* sql`
      INSERT INTO catalog.products
        (id, merchant_id, category_id, title, description, images, status, version, created_at, updated_at)
      VALUES (
        ${yield* newId}, ${shop}, ${category}, ${text}::jsonb, ${text}::jsonb, '[]', 'draft', 1, now(), now()
      )
    `
    yield* sql`
      INSERT INTO payments.channel_credentials
        (id, merchant_id, channel, version, account, masked, key_id, sealed, created_at)
      VALUES (${yield* newId}, ${shop}, 'stripe', 1, 'acct', '{}', 'k', decode('00', 'hex'), now())
    `
  }
  return { ours, theirs }
})

const merchantsOf = (sql: SqlClient.SqlClient, table: "catalog.products" | "payments.channel_credentials") =>
  SqlSchema.findAll({
    Request: Schema.Void,
    Result: Schema.Struct({ merchantId: Schema.String }),
    // the WHERE that somebody forgot
    execute: () => sql`SELECT merchant_id FROM ${sql.literal(table)}`
  })().pipe(Effect.map((rows) => rows.map(({ merchantId }) => merchantId).toSorted()))

describe("tenants", () => {
  layer(Reached.layer, { timeout: "60 seconds" })((it) => {
    it.effect("see their own rows alone where a WHERE is missing", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* twoShops
        const { pay, store } = yield* Reached
        for (const [sql, role, table] of [
          [store, "mall_store_tenant", "catalog.products"],
          [pay, "mall_pay_tenant", "payments.channel_credentials"]
        ] as const) {
          const all = yield* merchantsOf(sql, table)
          assert.include(all, ours)
          assert.include(all, theirs)
          const seen = yield* merchantsOf(sql, table).pipe(readsOf(sql, role, { merchantId: ours }))
          assert.deepStrictEqual(seen, [ours])
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

    it.effect("are guarded in every table that has a merchant", () =>
      Effect.gen(function* () {
        const { owner } = yield* Reached
        // whose staff a user is, and whom a notice names before it is believed, are no merchant's rows
        const others = ["identity.users"]
        const rows = yield* owner`
          SELECT a.attrelid::regclass::text AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
          WHERE a.attname = 'merchant_id' AND c.relkind = 'r' AND NOT c.relrowsecurity
            AND c.relnamespace::regnamespace::text IN
              ('identity', 'catalog', 'trade', 'merchants', 'payments', 'ledger', 'treasury', 'merchant_terms')
        `
        assert.deepStrictEqual(rows.map((row) => String(row["name"])).toSorted(), others)
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
