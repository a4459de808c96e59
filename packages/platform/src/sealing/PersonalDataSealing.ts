import { Context, Effect, Layer, Result, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { makeAuditRecorder } from "../audit/AuditRecorder.ts"
import { PersonalDataKeys } from "./PersonalDataKeys.ts"
import { openRow, sealedFields, sealRow } from "./PersonalDataTable.ts"
import type { PersonalDataTable } from "./PersonalDataTable.ts"

const batchSize = 500

/** How many rows of a table are under one key; `keyId` is null for those in the clear. */
export const SealedCount = Schema.Struct({
  table: Schema.String,
  keyId: Schema.NullOr(Schema.String),
  rows: Schema.Int,
  state: Schema.Literals(["current", "former", "missing", "clear"])
})
type SealedCount = typeof SealedCount.Type

export const SealingResult = Schema.Struct({
  keyId: Schema.String,
  sealed: Schema.Int,
  /** Altered, or under a key that is not here: they were left as they are. */
  unreadable: Schema.Int
})
type SealingResult = typeof SealingResult.Type

const Outdated = Schema.Struct({ id: Schema.String, clear: Schema.NullOr(Schema.String), ...sealedFields })
type Outdated = typeof Outdated.Type

/**
 * Brings personal data under the key that seals now: what was stored before there were keys, and what was sealed under a
 * former one. While servers run; each batch is a transaction of its own, so that it can be stopped and run again, by any
 * number of processes at once.
 */
export class PersonalDataSealing extends Context.Service<
  PersonalDataSealing,
  {
    /** Seals up to `limit` rows, and answers how many. Rows that cannot be opened are logged once, and left. */
    sweep(limit: number): Effect.Effect<number, SqlError>
    /** Every row, now, because an operator says so. */
    rotate(reason: string): Effect.Effect<SealingResult>
    /** By table. Counts every row. */
    readonly status: Effect.Effect<ReadonlyArray<SealedCount>>
  }
>()("@mall/platform/sealing/PersonalDataSealing") {
  static layerOf(tables: ReadonlyArray<PersonalDataTable>) {
    return Layer.effect(PersonalDataSealing, make(tables)).pipe(Layer.provide(PersonalDataKeys.layer))
  }
}

const make = Effect.fnUntraced(function* (tables: ReadonlyArray<PersonalDataTable>) {
  const sql = yield* SqlClient.SqlClient
  const keys = yield* PersonalDataKeys
  const audit = yield* makeAuditRecorder
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

  const sweep = Effect.fn("PersonalDataSealing.sweep")(function* (limit: number) {
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

  const countTable = Effect.fnUntraced(function* (table: PersonalDataTable) {
    const count = SqlSchema.findAll({
      Request: Schema.Void,
      Result: Schema.Struct({ keyId: Schema.String, rows: Schema.Int }),
      execute: () => sql`
        SELECT personal_data_key AS key_id, count(*) AS rows FROM ${sql(table.name)}
        WHERE personal_data_key IS NOT NULL GROUP BY personal_data_key ORDER BY personal_data_key`
    })
    return (yield* count()).map(({ keyId, rows }): SealedCount => {
      const state =
        keyId === "" ? "clear" : keyId === keys.currentId ? "current" : keys.ids.includes(keyId) ? "former" : "missing"
      return { table: table.name, keyId: keyId === "" ? null : keyId, rows, state }
    })
  })

  const status = Effect.forEach(tables, countTable).pipe(
    Effect.map((counts) => counts.flat()),
    Effect.orDie,
    Effect.withSpan("PersonalDataSealing.status")
  )

  const rotate = Effect.fn("PersonalDataSealing.rotate")(
    function* (reason: string) {
      const keyId = keys.currentId
      yield* audit.record({
        action: "personal_data.reseal",
        resource: { type: "personal_data_key", id: keyId },
        reason
      })
      let sealed = 0
      let done: number
      do {
        done = yield* sweep(batchSize)
        sealed += done
      } while (done >= batchSize)
      const left = (yield* status).filter(({ state }) => state === "former" || state === "missing")
      return { keyId, sealed, unreadable: left.reduce((sum, { rows }) => sum + rows, 0) }
    },
    Effect.catchTag("SqlError", Effect.die)
  )

  return PersonalDataSealing.of({ sweep, rotate, status })
})

/** Stands for null: an array of nothing but nulls has no type. */
const nothing = new Uint8Array()

const toColumns = ({ personalData, personalDataKey }: ReturnType<typeof sealRow>) => ({
  bytes: personalData,
  keyId: personalDataKey
})
