import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

layer(TestDatabase, { excludeTestServices: true })("Sql", (it) => {
  it.effect("reads int8 as a safe integer and refuses one beyond", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      assert.deepStrictEqual(yield* sql`SELECT 9007199254740991::bigint AS my_amount`, [{ myAmount: 9007199254740991 }])
      const error = yield* sql`SELECT 9007199254740992::bigint AS n`.pipe(Effect.flip)
      assert.strictEqual(error._tag, "SqlError")
    })
  )

  it.effect("gives up on a statement that outlasts the timeout", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const rows =
        yield* sql`SELECT current_setting('statement_timeout') AS statement, current_setting('TimeZone') AS zone`
      assert.deepStrictEqual(rows, [{ statement: "30s", zone: "UTC" }])
    })
  )
})
