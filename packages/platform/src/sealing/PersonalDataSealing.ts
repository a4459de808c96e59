import { Context, Effect, Layer, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { makeAuditRecorder } from "../audit/AuditRecorder.ts"
import { PersonalDataKeys } from "./PersonalDataKeys.ts"
import type { PersonalDataTable } from "./PersonalDataTable.ts"
import { makeTableSealer } from "./tableSealer.ts"
import type { SealedCount, TableSealer } from "./tableSealer.ts"

const batchSize = 500

export const SealingResult = Schema.Struct({
  keyId: Schema.String,
  sealed: Schema.Int,
  /** Altered, or under a key that is not here: they were left as they are. */
  unreadable: Schema.Int
})
type SealingResult = typeof SealingResult.Type

/**
 * Brings personal data under the key that seals now: what was stored before there were keys, and what was sealed under a
 * former one. While servers run; each batch is a transaction of its own, so that it can be stopped and run again, by any
 * number of processes at once.
 */
export class PersonalDataSealing extends Context.Service<
  PersonalDataSealing,
  {
    /** From now on it looks after this table too. */
    register(sealer: TableSealer): Effect.Effect<void>
    /** Seals up to `limit` rows, and answers how many. Rows that cannot be opened are logged once, and left. */
    sweep(limit: number): Effect.Effect<number, SqlError>
    /** Every row, now, because an operator says so. */
    rotate(reason: string): Effect.Effect<SealingResult>
    /** By table. Counts every row. */
    readonly status: Effect.Effect<ReadonlyArray<SealedCount>>
  }
>()("@mall/platform/sealing/PersonalDataSealing") {
  /** Looks after nothing until tables are registered. */
  static readonly layer = Layer.effect(
    PersonalDataSealing,
    Effect.gen(function* () {
      const keys = yield* PersonalDataKeys
      const audit = yield* makeAuditRecorder
      const sealers: Array<TableSealer> = []

      const sweep = Effect.fn("PersonalDataSealing.sweep")(function* (limit: number) {
        let left = limit
        for (const sealer of sealers) {
          yield* sealer.prepare
          while (left > 0) {
            const size = Math.min(left, batchSize)
            const { sealed, seen } = yield* sealer.batch(size)
            left -= sealed
            if (seen < size) break
          }
        }
        return limit - left
      })

      const status = Effect.suspend(() => Effect.forEach(sealers, ({ counts }) => counts)).pipe(
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

      return PersonalDataSealing.of({
        register: (sealer) =>
          Effect.sync(() => {
            sealers.push(sealer)
          }),
        sweep,
        rotate,
        status
      })
    })
  ).pipe(Layer.provide(PersonalDataKeys.layer))

  /** Has these tables looked after, through the pool of who may write them. */
  static layerOf(
    tables: ReadonlyArray<PersonalDataTable>
  ): Layer.Layer<never, Layer.Error<typeof PersonalDataKeys.layer>, PersonalDataSealing | SqlClient.SqlClient> {
    return Layer.effectDiscard(
      Effect.gen(function* () {
        const { register } = yield* PersonalDataSealing
        yield* Effect.forEach(tables, (table) => Effect.flatMap(makeTableSealer(table), register))
      })
    ).pipe(Layer.provide(PersonalDataKeys.layer))
  }
}
