import { migrate } from "@mall/platform/Migrations"
import * as Sql from "@mall/platform/Sql"
import { Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { migrations } from "../../../migrations/index.ts"

/** The migrated database that every test's own one is cloned from. */
export const templateName = "mall_test_template"

/** Makes the template anew on the server of `url`, whose user may create databases. */
export const createTemplate = Effect.fn("createTemplate")(function* (url: Redacted.Redacted) {
  yield* Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`DROP DATABASE IF EXISTS ${sql(templateName)} WITH (FORCE)`
    yield* sql`CREATE DATABASE ${sql(templateName)}`
  }).pipe(Effect.provide(Sql.layerUrl(url)))
  const template = new URL(Redacted.value(url))
  template.pathname = templateName
  yield* migrate(migrations).pipe(Effect.provide(Sql.layerUrl(Redacted.make(template.href))))
})
