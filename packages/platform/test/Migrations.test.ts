import { assert, layer } from "@effect/vitest"
import * as Migrations from "@mall/platform/Migrations"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase, TestDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"

layer(TestDatabase, { excludeTestServices: true })("Migrations.pending", (it) => {
  it.effect("names what the database has not run, and everything where it is new", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const wanted = { "9999_later": Effect.void, "0001_platform": Effect.void }
      assert.deepStrictEqual(yield* Migrations.pending(wanted), ["9999_later"])
      yield* sql`DROP TABLE schema_migrations`
      assert.deepStrictEqual(yield* Migrations.pending(wanted), ["0001_platform", "9999_later"])
    })
  )
})

layer(Layer.empty, { excludeTestServices: true })("Migrations.migrate", (it) => {
  it.effect("waits for another process for as long as that one takes", () =>
    Effect.gen(function* () {
      const url = yield* acquireDatabase
      const impatient = ConfigProvider.layer(
        ConfigProvider.fromUnknown({ PG_LOCK_TIMEOUT: "100 millis", PG_STATEMENT_TIMEOUT: "100 millis" })
      )
      const aProcess = Migrations.migrate({
        "9999_slow": Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT pg_sleep(1)`).pipe(Effect.asVoid)
      }).pipe(Effect.provide(Sql.layerUrl(url).pipe(Layer.provide(impatient), Layer.fresh)))
      const ran = yield* Effect.all([aProcess, aProcess, aProcess], { concurrency: "unbounded" })
      assert.deepStrictEqual(ran.flat(), ["9999_slow"])
    }).pipe(Effect.scoped)
  )
})
