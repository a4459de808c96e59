import { feeOf } from "@mall/domain/merchants/feeOf"
import { FeePlanVersion, FeeQuote } from "@mall/domain/merchants/FeePlan"
import type { FeeQuestion, NewFeePlan } from "@mall/domain/merchants/FeePlan"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { TermsBackdated, TermsChanged } from "@mall/domain/merchants/TermsError"
import { calendarOf } from "@mall/domain/merchants/TimeZone"
import { inForce } from "@mall/domain/merchants/Version"
import { Array, Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { FeeRepo } from "./FeeRepo.ts"
import { TermsVersions } from "./TermsVersions.ts"

const subject = "fees"
const decode = Schema.decodeUnknownEffect(Schema.Array(FeePlanVersion))
const encodeContent = Schema.encodeSync(Schema.toCodecJson(FeePlanVersion.fields.content))

/** What merchants pay for captures, from when on. */
export class FeePlans extends Context.Service<
  FeePlans,
  {
    /** Newest first: the one in force, those that are to come and those that were. */
    list(merchantId: MerchantId, asTenant?: boolean): Effect.Effect<ReadonlyArray<FeePlanVersion>>
    /** Within the ambient transaction. */
    all(
      merchantIds: ReadonlyArray<MerchantId>
    ): Effect.Effect<ReadonlyMap<MerchantId, ReadonlyArray<FeePlanVersion>>, SqlError>
    put(
      merchantId: MerchantId,
      change: NewFeePlan,
      actor: string
    ): Effect.Effect<FeePlanVersion, TermsChanged | TermsBackdated>
    /** What a payment of now would cost. Charges nothing. */
    quote(merchantId: MerchantId, question: FeeQuestion): Effect.Effect<FeeQuote>
  }
>()("@mall/merchants/terms/FeePlans") {
  static readonly layerNoDeps = Layer.effect(
    FeePlans,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const fees = yield* FeeRepo
      const versions = yield* TermsVersions

      const list = (merchantId: MerchantId, asTenant?: boolean) =>
        versions.list(merchantId, subject, asTenant).pipe(Effect.flatMap(decode), Effect.orDie)

      return FeePlans.of({
        list,
        all: (merchantIds) =>
          versions.all(merchantIds, subject).pipe(
            Effect.flatMap(decode),
            Effect.map(
              (plans) =>
                new Map(
                  Object.values(Array.groupBy(plans, ({ merchantId }) => merchantId)).map((group) => [
                    group[0].merchantId,
                    group
                  ])
                )
            ),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        put: Effect.fn("FeePlans.put")(function* (merchantId, { content, ...change }, actor) {
          return yield* versions
            .put({ ...change, merchantId, subject, content: encodeContent(content), action: "fee_plan.put", actor })
            .pipe(
              Effect.flatMap((row) => decode([row])),
              Effect.map(([plan]) => plan),
              Effect.flatMap(Effect.fromNullishOr),
              sql.withTransaction,
              Effect.catchTags({
                SqlError: Effect.die,
                SchemaError: Effect.die,
                NoSuchElementError: Effect.die
              })
            )
        }),
        quote: Effect.fn("FeePlans.quote")(
          function* (merchantId, question) {
            const now = yield* DateTime.nowAsDate
            const { amount, channel } = question
            const plan = inForce(yield* list(merchantId), now)
            if (plan === undefined) return new FeeQuote({ ...question, planVersion: null, charged: null })
            const { month } = calendarOf(now, plan.content.timeZone)
            const volume = yield* fees.volumeOf(merchantId, amount.currency, month)
            return new FeeQuote({
              ...question,
              planVersion: plan.version,
              charged: feeOf(plan.content, channel, amount, volume)
            })
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
