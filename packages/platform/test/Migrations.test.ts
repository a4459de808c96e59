import { assert, layer } from "@effect/vitest"
import * as Migrations from "@mall/platform/Migrations"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect } from "effect"
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
