import { Effect } from "effect"
import { Migrator, SqlClient } from "effect/sql"

/** Chosen once and for ever: every process of the product that migrates takes this advisory lock. */
const lockKey = 7_301_120_261

/**
 * Brings the database to the newest of `migrations` (name `0001_identity` → its effect), all or nothing. Ten processes may
 * start at once: one migrates, the others wait for it and find nothing to do. Answers with the names it ran.
 */
export const migrate = Effect.fn("Migrations.migrate")(function* (
  migrations: Record<string, Effect.Effect<void, unknown, SqlClient.SqlClient>>
) {
  const sql = yield* SqlClient.SqlClient
  return yield* Effect.gen(function* () {
    yield* sql`SELECT pg_advisory_xact_lock(${lockKey}::bigint)`
    yield* sql`SET LOCAL statement_timeout = 0`
    const ran = yield* Migrator.make({})({ loader: Migrator.fromRecord(migrations), table: "schema_migrations" })
    return ran.map(([id, name]) => `${String(id).padStart(4, "0")}_${name}`)
  }).pipe(sql.withTransaction)
})
