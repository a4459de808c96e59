import { Effect, Schema } from "effect"
import { Migrator, SqlClient, SqlSchema } from "effect/sql"
import { planForMany } from "./planning.ts"

/** Chosen once and for ever: every process of the product that migrates takes this advisory lock. */
const lockKey = 7_301_120_261

const table = "schema_migrations"

/**
 * Brings the database to the newest of `migrations` (name `0001_identity` → its effect), all or nothing. Ten processes may
 * start at once: one migrates, the others wait for it and find nothing to do. Answers with the names it ran.
 */
export const migrate = Effect.fn("Migrations.migrate")(function* (
  migrations: Record<string, Effect.Effect<void, unknown, SqlClient.SqlClient>>
) {
  const sql = yield* SqlClient.SqlClient
  return yield* Effect.gen(function* () {
    // who waits for another to migrate waits for as long as that takes
    yield* sql`SET LOCAL statement_timeout = 0`
    yield* sql`SET LOCAL lock_timeout = 0`
    yield* sql`SELECT pg_advisory_xact_lock(${lockKey}::bigint)`
    yield* sql`SET LOCAL lock_timeout TO DEFAULT`
    yield* planForMany(sql)
    const ran = yield* Migrator.make({})({ loader: Migrator.fromRecord(migrations), table })
    return ran.map(([id, name]) => `${String(id).padStart(4, "0")}_${name}`)
  }).pipe(sql.withTransaction)
})

/** The names among `migrations` that this database has not run, in their order; all of them where it is new. */
export const pending = Effect.fn("Migrations.pending")(function* (migrations: Record<string, unknown>) {
  const sql = yield* SqlClient.SqlClient
  const findTable = SqlSchema.findOne({
    Request: Schema.String,
    Result: Schema.Struct({ isThere: Schema.Boolean }),
    execute: (name) => sql`SELECT to_regclass(${name}) IS NOT NULL AS is_there`
  })
  const selectRun = SqlSchema.findAll({
    Request: Schema.Void,
    Result: Schema.Struct({ migrationId: Schema.Int }),
    execute: () => sql`SELECT migration_id FROM ${sql(table)}`
  })
  const names = Object.keys(migrations).toSorted()
  return yield* Effect.gen(function* () {
    if (!(yield* findTable(table)).isThere) return names
    const run = new Set((yield* selectRun()).map(({ migrationId }) => migrationId))
    return names.filter((name) => !run.has(Number.parseInt(name, 10)))
  }).pipe(Effect.catchTags({ SchemaError: Effect.die, NoSuchElementError: Effect.die }))
})
