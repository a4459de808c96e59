import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** A change past the program that a check has to find. */
export interface Tampering {
  readonly check: string
  /** What it is found on: its type and id. */
  readonly subject: string
  /** The accounts that it freezes. */
  readonly frozen?: ReadonlyArray<string>
  readonly tamper: Effect.Effect<unknown, unknown>
  readonly restore: Effect.Effect<unknown, unknown>
}

/** What nobody can do but who may switch the triggers off. */
export const pastTheTriggers = Effect.fnUntraced(function* <E, R>(tamper: Effect.Effect<unknown, E, R>) {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.andThen(sql`SET LOCAL session_replication_role = replica`, tamper).pipe(sql.withTransaction)
})
