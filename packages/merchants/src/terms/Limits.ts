import type { LimitsHolder } from "@mall/domain/merchants/LimitsHolder"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { LimitsVersion } from "@mall/domain/merchants/PaymentLimits"
import type { NewLimits } from "@mall/domain/merchants/PaymentLimits"
import type { TermsBackdated, TermsChanged } from "@mall/domain/merchants/TermsError"
import * as PushedCache from "@mall/platform/PushedCache"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { holderOf, rowOf } from "./holderRow.ts"
import { capacity, timeToLive } from "./termsCache.ts"
import { TermsVersions } from "./TermsVersions.ts"
import type { VersionRow } from "./TermsVersions.ts"

const subjects = "limits:"
const decodeOne = Schema.decodeUnknownEffect(LimitsVersion)
const encodeContent = Schema.encodeSync(Schema.toCodecJson(LimitsVersion.fields.content))

const decode = ({ merchantId, subject, ...row }: VersionRow) =>
  decodeOne({ ...row, merchantId: holderOf(merchantId), currency: subject.slice(subjects.length) })
const decodeAll = (rows: ReadonlyArray<VersionRow>) => Effect.forEach(rows, decode)

/** What payments of merchants, and the mall's own, may be, from when on. */
export class Limits extends Context.Service<
  Limits,
  {
    /** Newest first, of all currencies. */
    list(holder: LimitsHolder, asTenant?: boolean): Effect.Effect<ReadonlyArray<LimitsVersion>>
    /** All versions, from memory: a change is there before it counts. Never to be asked within a transaction. */
    of(holder: LimitsHolder): Effect.Effect<ReadonlyArray<LimitsVersion>>
    /** False where the holder surely never had any, without a question. */
    mayHave(holder: LimitsHolder): boolean
    put(
      holder: LimitsHolder,
      change: NewLimits,
      actor: string
    ): Effect.Effect<LimitsVersion, TermsChanged | TermsBackdated>
  }
>()("@mall/merchants/terms/Limits") {
  static readonly layerNoDeps = Layer.effect(
    Limits,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const versions = yield* TermsVersions

      const cache = yield* PushedCache.make({
        channel: "merchant_limits",
        capacity,
        timeToLive,
        lookup: Effect.fnUntraced(function* (ids: ReadonlyArray<MerchantId>) {
          const all = yield* versions.all(ids, subjects).pipe(Effect.flatMap(decodeAll), Effect.orDie)
          // also who has none: that nothing is there is what spares them the questions
          return new Map(ids.map((id) => [id, all.filter(({ merchantId }) => merchantId === holderOf(id))]))
        })
      })

      return Limits.of({
        list: (holder, asTenant) =>
          versions.list(rowOf(holder), subjects, asTenant).pipe(Effect.flatMap(decodeAll), Effect.orDie),
        of: (holder) =>
          Effect.map(
            cache.get(rowOf(holder)),
            Option.getOrElse((): ReadonlyArray<LimitsVersion> => [])
          ),
        mayHave: (holder) => cache.peek(rowOf(holder))?.length !== 0,
        put: Effect.fn("Limits.put")(function* (holder, { content, currency, ...change }, actor) {
          const merchantId = rowOf(holder)
          return yield* versions
            .put({
              ...change,
              merchantId,
              subject: `${subjects}${currency}`,
              content: encodeContent(content),
              action: "payment_limits.put",
              actor
            })
            .pipe(
              Effect.tap(() => cache.invalidate([merchantId])),
              Effect.flatMap(decode),
              sql.withTransaction,
              Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
            )
        })
      })
    })
  )
}
