import { Effect, Exit, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { KeysUnusable } from "./KeyRing.ts"
import { PersonalDataKeys } from "./PersonalDataKeys.ts"
import { openRow, sealedFields } from "./PersonalDataTable.ts"
import type { PersonalDataTable } from "./PersonalDataTable.ts"
import { SealedData } from "./SealedData.ts"
import { makeTableSealer } from "./tableSealer.ts"

/** Of each table; one row that was altered says nothing about the key. */
const samples = 3

/**
 * Another key of the same name would seal what nobody else can read, and read nothing of what is there: a process that was given
 * none made one of its own in another folder. So a few rows under the name of the key in use are opened first.
 */
const assertKeyFits = Effect.fnUntraced(
  function* (tables: ReadonlyArray<PersonalDataTable>) {
    const sql = yield* SqlClient.SqlClient
    const keys = yield* PersonalDataKeys
    const select = SqlSchema.findAll({
      Request: Schema.String,
      Result: Schema.Struct({ id: Schema.String, ...sealedFields }),
      execute: (name) => sql`
        SELECT id, personal_data, personal_data_key FROM ${sql(name)}
        WHERE personal_data_key = ${keys.currentId} AND personal_data IS NOT NULL LIMIT ${samples}`
    })
    const opened = yield* Effect.forEach(tables, (table) =>
      Effect.flatMap(select(table.name), (rows) =>
        Effect.forEach(rows, (row) => Effect.map(Effect.exit(openRow(keys, table, row)), Exit.isSuccess))
      )
    )
    const all = opened.flat()
    if (all.length === 0 || all.includes(true)) return
    return yield* new KeysUnusable({
      reason:
        `The key ${keys.currentId} of this process is not the one that the database's rows of that name are sealed by: ` +
        "set PERSONAL_DATA_KEYS, MALL_SECRET_KEY or MALL_DATA_DIR as the other servers have them."
    })
  },
  Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
)

/** Registers tables that hold personal data. Needs `SealedData`, and `SqlClient` with the rights on them. */
export const layer = (tables: ReadonlyArray<PersonalDataTable>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const data = yield* SealedData
      yield* assertKeyFits(tables)
      yield* Effect.forEach(tables, (table) => Effect.flatMap(makeTableSealer(table), data.register))
    })
  ).pipe(Layer.provide(PersonalDataKeys.layer))
