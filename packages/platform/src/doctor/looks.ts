import type { SqlClient, Statement } from "effect/sql"
import type { Selection } from "./Checks.ts"

/** Before every id. */
export const firstUuid = "00000000-0000-0000-0000-000000000000"

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
