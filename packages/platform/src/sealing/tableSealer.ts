import { Effect, Result, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { PersonalDataKeys } from "./PersonalDataKeys.ts"
import { openRow, purposeOf, sealedFields, sealRow } from "./PersonalDataTable.ts"
import type { PersonalDataTable } from "./PersonalDataTable.ts"
import { KeyCount, sealedCount } from "./SealedData.ts"
import type { SealedPart } from "./SealedData.ts"
import { keysOf, makeTableIndexing } from "./tableIndexing.ts"

const batchSize = 500

const Outdated = Schema.Struct({ id: Schema.String, clear: Schema.NullOr(Schema.String), ...sealedFields })
type Outdated = typeof Outdated.Type

/** Stands for null: an array of nothing but nulls has no type. */
const nothing = new Uint8Array()

const toColumns = ({ personalData, personalDataKey }: ReturnType<typeof sealRow>) => ({
  bytes: personalData,
  keyId: personalDataKey
})

/**
 * Seals a table's rows anew, what was stored before there were keys and what is under a former one, in batches that are transactions
 * of their own; and has rows found under the keys that are there, by no other.
 */
export const makeTableSealer = Effect.fnUntraced(function* (table: PersonalDataTable) {
  const sql = yield* SqlClient.SqlClient
  const keys = yield* PersonalDataKeys
  const indexing = table.index === undefined ? undefined : yield* makeTableIndexing(table.name, table.index)
  const outdatedKeys = ["", ...keys.ids.filter((id) => id !== keys.currentId)]
  const isClear = sql.literal(`(${table.clear?.where ?? "personal_data_key = ''"})`)
  const clear = sql.literal(table.clear?.text ?? "NULL::text")
  const wipe = sql.literal(table.clear === undefined ? "" : `, ${table.clear.wipe}`)
  const digestOf = table.digest === undefined ? undefined : keys.digestOf(purposeOf(table.name, table.digest))
  const setDigest =
    table.digest === undefined ? sql`` : sql`, ${sql(table.digest.column)} = nullif(given.sealed_digest, ''::bytea)`
  /** They cannot be sealed anew, and would be met by every batch. */
  const unreadable = new Set<string>()
  /** Those that were told of. */
  const missing = new Set<string>()

  const leave = (id: string, why: unknown) => {
    unreadable.add(id)
    return Effect.as(Effect.logError("Personal data cannot be sealed anew", why), Result.failVoid)
  }

  const lockOutdated = SqlSchema.findAll({
    Request: Schema.Int,
    Result: Outdated,
    execute: (limit) => sql`
      SELECT id, CASE WHEN ${isClear} THEN ${clear} END AS clear, personal_data, personal_data_key FROM ${sql(table.name)}
      WHERE (personal_data_key = ANY (${outdatedKeys}::text[]) OR ${isClear}) AND id <> ALL (${[...unreadable]}::uuid[])
      LIMIT ${limit} FOR NO KEY UPDATE SKIP LOCKED`
  })

  const reseal = Effect.fnUntraced(function* (row: Outdated) {
    const sealed = yield* openRow(keys, table, row)
    const text = row.clear === null ? sealed : (table.clear?.merge?.(sealed, row.clear) ?? row.clear)
    if (text === null) return { id: row.id, text, bytes: nothing, keyId: "", digest: nothing }
    const digested = table.digest?.of(text) ?? null
    const digest = digested === null ? undefined : digestOf?.(keys.currentId, digested)
    return { id: row.id, text, digest: digest ?? nothing, ...toColumns(sealRow(keys, table, row.id, text)) }
  })

  const resealReadable = (row: Outdated) =>
    reseal(row).pipe(
      Effect.map(Result.succeed),
      Effect.catchDefect((defect) => leave(row.id, defect))
    )

  const batch = Effect.fnUntraced(
    function* (limit: number) {
      const rows = yield* lockOutdated(limit)
      const resealed = (yield* Effect.forEach(rows, resealReadable)).flatMap((one) =>
        Result.isSuccess(one) ? [one.success] : []
      )
      const taken = indexing === undefined ? new Set<string>() : yield* indexing.add(resealed)
      for (const id of taken) {
        yield* leave(id, new Error(`Another row of ${table.name} has what ${id} has`))
      }
      const done = resealed.filter(({ id }) => !taken.has(id))
      yield* sql`
        UPDATE ${sql(table.name)} AS kept SET
          personal_data = CASE WHEN given.sealed_key <> '' THEN given.sealed_bytes END,
          personal_data_key = nullif(given.sealed_key, '') ${setDigest} ${wipe}
        FROM unnest(
          ${done.map(({ id }) => id)}::uuid[], ${done.map(({ bytes }) => bytes)}::bytea[],
          ${done.map(({ keyId }) => keyId)}::text[], ${done.map(({ digest }) => digest)}::bytea[]
        ) AS given (sealed_id, sealed_bytes, sealed_key, sealed_digest)
        WHERE kept.id = given.sealed_id`
      return { seen: rows.length, sealed: done.length }
    },
    sql.withTransaction,
    Effect.catchTag("SchemaError", Effect.die)
  )

  const tellMissing = Effect.gen(function* () {
    for (const keyId of yield* keysOf(sql, table.name, "personal_data_key")) {
      if (keyId === "" || keys.ids.includes(keyId) || missing.has(keyId)) continue
      missing.add(keyId)
      yield* Effect.logError("Personal data is sealed by a key that is not here: nobody can read it", { keyId })
    }
  })

  const prepare = indexing === undefined ? tellMissing : Effect.andThen(tellMissing, indexing.forget)

  const sweep: SealedPart["sweep"] = Effect.fn("tableSealer.sweep")(function* (limit) {
    yield* prepare
    let left = limit
    while (left > 0) {
      const size = Math.min(left, batchSize)
      const { sealed, seen } = yield* batch(size)
      left -= sealed
      if (seen < size) break
    }
    return limit - left
  })

  const count = SqlSchema.findAll({
    Request: Schema.Void,
    Result: KeyCount,
    execute: () => sql`
      SELECT CASE WHEN ${isClear} THEN '' ELSE personal_data_key END AS key_id, count(*) AS rows
      FROM ${sql(table.name)} WHERE personal_data_key IS NOT NULL OR ${isClear} GROUP BY key_id ORDER BY key_id`
  })

  const part: SealedPart = {
    sweep,
    status: Effect.suspend(() => count(undefined)).pipe(
      Effect.map((counts) => counts.map((one) => sealedCount(keys, table.name, one))),
      Effect.catchTag("SchemaError", Effect.die)
    )
  }
  return part
})
