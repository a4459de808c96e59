import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { retryConflicts } from "./retryConflicts.ts"

/**
 * All that `look` reads is of one moment, so that what commits between two of its statements is no difference. It may not
 * write, and not be within a transaction that has read before.
 */
export const inSnapshot =
  (sql: SqlClient.SqlClient) =>
  <A, E, R>(look: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError, R> =>
    Effect.andThen(sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY`, look).pipe(
      sql.withTransaction,
      retryConflicts
    )
