import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** Base64 of the text, wherever it begins in what is encoded; without the characters that depend on its neighbours. */
const base64Of = (text: string) =>
  [0, 1, 2].map((offset) =>
    Buffer.from(" ".repeat(offset) + text)
      .toString("base64")
      .slice(4, -4)
  )

/** Every column of every table of the database that holds one of `texts`: as text, as bytes, or in base64. */
export const placesOf = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  const tables = yield* SqlSchema.findAll({
    Request: Schema.Void,
    Result: Schema.Struct({ schema: Schema.String, name: Schema.String }),
    execute: () => sql`
      SELECT table_schema AS schema, table_name AS name FROM information_schema.tables
      WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`
  })()
  const encoded = texts.flatMap((text) => [Buffer.from(text).toString("hex"), ...base64Of(text)])
  const found = yield* Effect.forEach(tables, ({ name, schema }) =>
    SqlSchema.findAll({
      Request: Schema.Void,
      Result: Schema.Struct({ place: Schema.String }),
      execute: () => sql`
        SELECT DISTINCT ${`${schema}.${name}.`} || field.key AS place
        FROM ${sql(schema)}.${sql(name)} AS one, jsonb_each_text(to_jsonb(one)) AS field
        WHERE EXISTS (SELECT 1 FROM unnest(${texts}::text[]) AS wanted WHERE position(lower(wanted) IN lower(field.value)) > 0)
          OR EXISTS (SELECT 1 FROM unnest(${encoded}::text[]) AS wanted WHERE position(wanted IN field.value) > 0)`
    })()
  )
  return found.flat().map(({ place }) => place)
})
