import { retryConflicts } from "../retryConflicts.ts"
import { Effect } from "effect"
import type { SqlClient, Statement } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Selection } from "./Checks.ts"

/** Before every id. */
export const firstUuid = "00000000-0000-0000-0000-000000000000"

/** In one snapshot, so that what happens between two questions is no difference. */
export const inSnapshot =
  (sql: SqlClient.SqlClient) =>
  <A, E, R>(look: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError, R> =>
    Effect.andThen(sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY`, look).pipe(
      sql.withTransaction,
      retryConflicts
    )

/** Which rows of a table with ids of its own are looked at. `id` is a column, `changed` the rows that changed since a time. */
export const among = (
  sql: SqlClient.SqlClient,
  selection: Selection,
  { changed, id }: { readonly id: string; readonly changed: (since: Date) => Statement.Fragment }
) => {
  switch (selection.type) {
    case "all":
      return sql`true`
    case "since":
      return changed(selection.since)
    case "subjects":
      return sql`${sql.literal(id)} = ANY(${selection.ids}::uuid[])`
  }
}
