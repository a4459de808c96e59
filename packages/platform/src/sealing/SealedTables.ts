import { Effect, Layer, Result, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { PersonalDataKeys } from "./PersonalDataKeys.ts"
import { openRow, sealedFields, sealRow } from "./PersonalDataTable.ts"
import type { PersonalDataTable } from "./PersonalDataTable.ts"
import { KeyCount, sealedCount, SealedData } from "./SealedData.ts"

const batchSize = 500

const Outdated = Schema.Struct({ id: Schema.String, clear: Schema.NullOr(Schema.String), ...sealedFields })
type Outdated = typeof Outdated.Type

/**
 * Registers tables that hold personal data: what was stored before there were keys, and what was sealed under a former one, is
 * sealed anew in batches, each a transaction of its own. Needs `SealedData`, and `SqlClient` with the rights on them.
 */
export const layer = (tables: ReadonlyArray<PersonalDataTable>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const data = yield* SealedData
      yield* data.register(yield* make(tables))
    })
  ).pipe(Layer.provide(PersonalDataKeys.layer))

const make = Effect.fnUntraced(function* (tables: ReadonlyArray<PersonalDataTable>) {
  const sql = yield* SqlClient.SqlClient
  const keys = yield* PersonalDataKeys
  const outdatedKeys = ["", ...keys.ids.filter((id) => id !== keys.currentId)]
  /** They cannot be opened, and would be met by every batch. */
  const unreadable = new Set<string>()
  /** Those that were told of. */
  const missing = new Set<string>()

  const lockOutdated = (table: PersonalDataTable) =>
    SqlSchema.findAll({
      Request: Schema.Int,
      Result: Outdated,
      execute: (limit) => sql`
        SELECT id, ${sql.literal(table.clear)} AS clear, personal_data, personal_data_key FROM ${sql(table.name)}
        WHERE personal_data_key = ANY (${outdatedKeys}::text[]) AND id <> ALL (${[...unreadable]}::uuid[])
        LIMIT ${limit} FOR UPDATE SKIP LOCKED`
    })

  const reseal = Effect.fnUntraced(function* (table: PersonalDataTable, row: Outdated) {
    const text = row.personalDataKey === "" ? row.clear : yield* openRow(keys, table, row)
    return text === null
      ? { id: row.id, bytes: nothing, keyId: "" }
      : { id: row.id, ...toColumns(sealRow(keys, table, row.id, text)) }
  })

  const resealReadable = (table: PersonalDataTable, row: Outdated) =>
    reseal(table, row).pipe(
      Effect.map(Result.succeed),
      Effect.catchDefect((defect) => {
        unreadable.add(row.id)
        return Effect.as(Effect.logError("Personal data cannot be sealed anew", defect), Result.failVoid)
      })
    )

  const batch = Effect.fnUntraced(
    function* (table: PersonalDataTable, limit: number) {
      const rows = yield* lockOutdated(table)(limit)
      const done = (yield* Effect.forEach(rows, (row) => resealReadable(table, row))).flatMap((one) =>
        Result.isSuccess(one) ? [one.success] : []
      )
      yield* sql`
        UPDATE ${sql(table.name)} AS kept SET
          personal_data = CASE WHEN given.sealed_key <> '' THEN given.sealed_bytes END,
          personal_data_key = nullif(given.sealed_key, ''), ${sql.literal(table.wipe)}
        FROM unnest(
          ${done.map(({ id }) => id)}::uuid[], ${done.map(({ bytes }) => bytes)}::bytea[],
          ${done.map(({ keyId }) => keyId)}::text[]
        ) AS given (sealed_id, sealed_bytes, sealed_key)
        WHERE kept.id = given.sealed_id`
      return { seen: rows.length, sealed: done.length }
    },
    sql.withTransaction,
    Effect.catchTag("SchemaError", Effect.die)
  )

  /** The keys that rows are under, each found by one look into the index. */
  const keysOf = (table: PersonalDataTable) =>
    SqlSchema.findAll({
      Request: Schema.Void,
      Result: Schema.Struct({ keyId: Schema.String }),
      execute: () => sql`
        WITH RECURSIVE seen AS (
          (SELECT min(personal_data_key) AS key_id FROM ${sql(table.name)})
          UNION ALL
          SELECT (SELECT min(personal_data_key) FROM ${sql(table.name)} WHERE personal_data_key > seen.key_id)
          FROM seen WHERE seen.key_id IS NOT NULL
        )
        SELECT key_id FROM seen WHERE key_id IS NOT NULL`
    })(undefined)

  const tellMissing = Effect.fnUntraced(
    function* (table: PersonalDataTable) {
      for (const { keyId } of yield* keysOf(table)) {
        if (keyId === "" || keys.ids.includes(keyId) || missing.has(keyId)) continue
        missing.add(keyId)
        yield* Effect.logError("Personal data is sealed by a key that is not here: nobody can read it", { keyId })
      }
    },
    Effect.catchTag("SchemaError", Effect.die)
  )

  const sweep = Effect.fn("SealedTables.sweep")(function* (limit: number) {
    let left = limit
    for (const table of tables) {
      yield* tellMissing(table)
      while (left > 0) {
        const size = Math.min(left, batchSize)
        const { sealed, seen } = yield* batch(table, size)
        left -= sealed
        if (seen < size) break
      }
    }
    return limit - left
  })

  const countTable = Effect.fnUntraced(
    function* (table: PersonalDataTable) {
      const count = SqlSchema.findAll({
        Request: Schema.Void,
        Result: KeyCount,
        execute: () => sql`
          SELECT personal_data_key AS key_id, count(*) AS rows FROM ${sql(table.name)}
          WHERE personal_data_key IS NOT NULL GROUP BY personal_data_key ORDER BY personal_data_key`
      })
      return (yield* count()).map((one) => sealedCount(keys, table.name, one))
    },
    Effect.catchTag("SchemaError", Effect.die)
  )

  return { sweep, status: Effect.map(Effect.forEach(tables, countTable), (counts) => counts.flat()) }
})

/** Stands for null: an array of nothing but nulls has no type. */
const nothing = new Uint8Array()

const toColumns = ({ personalData, personalDataKey }: ReturnType<typeof sealRow>) => ({
  bytes: personalData,
  keyId: personalDataKey
})
