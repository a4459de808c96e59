import type { Finding } from "@mall/domain/operations/Doctor"
import { Effect, Schema } from "effect"
import type { SqlClient, Statement } from "effect/sql"
import { pageSize } from "./Checks.ts"
import type { Looked, Selection } from "./Checks.ts"

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

/**
 * Looks at a page of rows and answers with what is found of those that are wrong alone: most are right, and need not be read.
 * `page` selects at most `pageSize` rows in ascending order of their `id`, each with whether it `is_wrong`.
 */
export const wrongOf = <Row extends Schema.Constraint>(
  sql: SqlClient.SqlClient,
  row: Row,
  say: (row: Row["Type"]) => Finding
) => {
  const decode = Schema.decodeUnknownEffect(
    Schema.Struct({ looked: Schema.Int, last: Schema.NullOr(Schema.String), wrong: Schema.Array(row) })
  )
  return (page: Statement.Fragment) =>
    sql`
      WITH page AS MATERIALIZED (${page})
      SELECT count(*)::int AS looked, max(page.id::text) AS last,
        coalesce(jsonb_agg(page ORDER BY page.id) FILTER (WHERE page.is_wrong), '[]') AS wrong
      FROM page`.pipe(
      Effect.flatMap(([found]) => decode(found)),
      Effect.map(({ last, looked, wrong }): Looked => ({
        looked,
        findings: wrong.map(say),
        next: looked < pageSize ? null : last
      }))
    )
}
