import { Context, Effect, Layer, Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { makeAuditRecorder } from "../audit/AuditRecorder.ts"
import { PersonalDataKeys } from "./PersonalDataKeys.ts"
import { SealedData } from "./SealedData.ts"
import type { SealedCount } from "./SealedData.ts"

const batchSize = 500

export const SealingResult = Schema.Struct({
  keyId: Schema.String,
  sealed: Schema.Int,
  /** Altered, or under a key that is not here: they were left as they are. */
  unreadable: Schema.Int
})
type SealingResult = typeof SealingResult.Type

/** Brings everything that is sealed under the key that seals now, while servers run. It can be stopped and run again. */
export class PersonalDataSealing extends Context.Service<
  PersonalDataSealing,
  {
    /** Seals up to `limit`, and answers how many. */
    sweep(limit: number): Effect.Effect<number, SqlError>
    /** Everything, now, because an operator says so. */
    rotate(reason: string): Effect.Effect<SealingResult>
    /** By table. Counts every row. */
    readonly status: Effect.Effect<ReadonlyArray<SealedCount>>
  }
>()("@mall/platform/sealing/PersonalDataSealing") {
  /** Needs `SealedData`. */
  static readonly layer = Layer.effect(
    PersonalDataSealing,
    Effect.gen(function* () {
      const audit = yield* makeAuditRecorder
      const data = yield* SealedData
      const { currentId: keyId } = yield* PersonalDataKeys

      const sweep = Effect.fn("PersonalDataSealing.sweep")(function* (limit: number) {
        let left = limit
        for (const part of data.parts()) {
          if (left > 0) left -= yield* part.sweep(left)
        }
        return limit - left
      })

      const status = Effect.suspend(() => Effect.forEach(data.parts(), (part) => part.status)).pipe(
        Effect.map((counts) => counts.flat()),
        Effect.orDie,
        Effect.withSpan("PersonalDataSealing.status")
      )

      const rotate = Effect.fn("PersonalDataSealing.rotate")(
        function* (reason: string) {
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
  ).pipe(Layer.provide(PersonalDataKeys.layer))
}
