import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { PersonalDataKeys } from "./PersonalDataKeys.ts"
import type { TableIndex } from "./PersonalDataTable.ts"

const batchSize = 500

/** The keys that stand in `column`, each found by one look into its index. */
export const keysOf = Effect.fnUntraced(
  function* (sql: SqlClient.SqlClient, table: string, column: string) {
    const [name, key] = [sql(table), sql(column)]
    const select = SqlSchema.findAll({
      Request: Schema.Void,
      Result: Schema.Struct({ keyId: Schema.String }),
      execute: () => sql`
        WITH RECURSIVE seen AS (
          (SELECT min(${key}) AS key_id FROM ${name})
          UNION ALL
          SELECT (SELECT min(${key}) FROM ${name} WHERE ${key} > seen.key_id) FROM seen WHERE seen.key_id IS NOT NULL
        )
        SELECT key_id FROM seen WHERE key_id IS NOT NULL`
    })
    return (yield* select(undefined)).map(({ keyId }) => keyId)
  },
  Effect.catchTag("SchemaError", Effect.die)
)

/** What rows of a sealed table are found by, as their sealing changes. */
export interface TableIndexing {
  /**
   * Adds what these rows are found by under every key that is here; it is in the caller's transaction, which holds their locks.
   * Answers with those whose text another row has, for which nothing was added.
   */
  add(
    rows: ReadonlyArray<{ readonly id: string; readonly text: string | null }>
  ): Effect.Effect<ReadonlySet<string>, SqlError>
  /** Deletes entries under keys that are not here, of rows that are sealed by the key in use, and so are found by that. */
  readonly forget: Effect.Effect<void, SqlError>
}

export const makeTableIndexing = Effect.fnUntraced(function* (table: string, { of, row, table: name }: TableIndex) {
  const sql = yield* SqlClient.SqlClient
  const keys = yield* PersonalDataKeys
  const entriesOf = keys.indexOf(table)
  const [index, owner] = [sql(name), sql(row)]

  const selectTaken = SqlSchema.findAll({
    Request: Schema.Struct({ digests: Schema.Array(Schema.Uint8Array), ids: Schema.Array(Schema.String) }),
    Result: Schema.Struct({ id: Schema.String }),
    execute: ({ digests, ids }) => sql`
      SELECT given.id FROM unnest(${digests}::bytea[], ${ids}::uuid[]) AS given (digest, id)
      JOIN ${index} AS kept ON kept.digest = given.digest AND kept.${owner} <> given.id`
  })

  const add: TableIndexing["add"] = Effect.fnUntraced(
    function* (rows) {
      const entries = rows.flatMap(({ id, text }) => {
        const wanted = text === null || of === undefined ? text : of(text)
        return wanted === null ? [] : entriesOf(wanted).map((entry) => ({ ...entry, id }))
      })
      const found = yield* selectTaken({
        digests: entries.map(({ digest }) => digest),
        ids: entries.map(({ id }) => id)
      })
      const taken = new Set(found.map(({ id }) => id))
      const own = entries.filter(({ id }) => !taken.has(id))
      // in one order, in which who opens a row adds them too
      yield* sql`
        INSERT INTO ${index} (digest, key_id, ${owner})
        SELECT given.digest, given.key_id, given.id FROM unnest(
          ${own.map(({ digest }) => digest)}::bytea[], ${own.map(({ keyId }) => keyId)}::text[],
          ${own.map(({ id }) => id)}::uuid[]
        ) AS given (digest, key_id, id)
        ORDER BY given.digest ON CONFLICT (digest) DO NOTHING`
      return taken
    },
    Effect.catchTag("SchemaError", Effect.die)
  )

  const forgetSome = SqlSchema.findAll({
    Request: Schema.String,
    Result: Schema.Struct({ id: Schema.String }),
    // locked and looked at again: a row that another process brings under that very key meanwhile keeps its entry
    execute: (keyId) => sql`
      WITH held AS (
        SELECT kept.id FROM ${index} AS entry JOIN ${sql(table)} AS kept ON kept.id = entry.${owner}
        WHERE entry.key_id = ${keyId} AND kept.personal_data_key = ${keys.currentId}
        LIMIT ${batchSize} FOR NO KEY UPDATE OF kept SKIP LOCKED
      )
      DELETE FROM ${index} AS entry USING held WHERE entry.key_id = ${keyId} AND entry.${owner} = held.id
      RETURNING held.id`
  })

  const forget = Effect.gen(function* () {
    for (const keyId of yield* keysOf(sql, name, "key_id")) {
      if (keys.ids.includes(keyId)) continue
      yield* Effect.repeat(forgetSome(keyId), { while: (forgotten) => forgotten.length >= batchSize })
    }
  }).pipe(Effect.catchTag("SchemaError", Effect.die))

  const indexing: TableIndexing = { add, forget }
  return indexing
})
