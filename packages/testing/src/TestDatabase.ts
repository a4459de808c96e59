import * as PgClient from "@effect/sql-pg/PgClient"
import * as Sql from "@mall/platform/Sql"
import { Config, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { templateName } from "./templateDatabase.ts"

/** The address of a database cloned from the migrated template (about 100 ms), dropped when the scope closes. */
export const acquireDatabase = Effect.gen(function* () {
  const admin = new URL(Redacted.value(yield* Config.Redacted("TEST_DATABASE_URL")))
  const name = `test_${randomUUID().replaceAll("-", "")}`
  const AdminSql = PgClient.layer({ url: Redacted.make(admin.href), maxConnections: 1 })
  yield* Effect.acquireRelease(
    Effect.flatMap(SqlClient.SqlClient, (sql) => sql`CREATE DATABASE ${sql(name)} TEMPLATE ${sql(templateName)}`).pipe(
      Effect.provide(AdminSql),
      Effect.orDie
    ),
    () =>
      Effect.flatMap(SqlClient.SqlClient, (sql) => sql`DROP DATABASE ${sql(name)} WITH (FORCE)`).pipe(
        Effect.provide(AdminSql),
        Effect.orDie
      )
  )
  const url = new URL(admin)
  url.pathname = name
  return Redacted.make(url.href)
})

/** A migrated, empty database of the test file's own. */
export const TestDatabase = Layer.unwrap(Effect.map(acquireDatabase, Sql.layerUrl)).pipe(Layer.orDie)
