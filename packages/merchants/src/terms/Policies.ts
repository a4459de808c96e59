import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentPolicies } from "@mall/domain/merchants/PaymentPolicies"
import { PaymentPolicyVersion, unrestricted } from "@mall/domain/merchants/PaymentPolicy"
import type { NewPaymentPolicy } from "@mall/domain/merchants/PaymentPolicy"
import type { TermsBackdated, TermsChanged } from "@mall/domain/merchants/TermsError"
import { inForce } from "@mall/domain/merchants/Version"
import * as PushedCache from "@mall/platform/PushedCache"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { capacity, timeToLive } from "./termsCache.ts"
import { TermsVersions } from "./TermsVersions.ts"

type Versions = ReadonlyArray<PaymentPolicyVersion>

const subject = "policy"
const decodeOne = Schema.decodeUnknownEffect(PaymentPolicyVersion)
const decode = Schema.decodeUnknownEffect(Schema.Array(PaymentPolicyVersion))
const encodeContent = Schema.encodeSync(Schema.toCodecJson(PaymentPolicyVersion.fields.content))

const contentOf = (versions: Versions, at: Date) => inForce(versions, at)?.content ?? unrestricted

/** How payments of merchants may be paid and given back, from when on. */
export class Policies extends Context.Service<
  Policies,
  {
    /** Newest first. */
    list(merchantId: MerchantId, asTenant?: boolean): Effect.Effect<Versions>
    put(
      merchantId: MerchantId,
      change: NewPaymentPolicy,
      actor: string
    ): Effect.Effect<PaymentPolicyVersion, TermsChanged | TermsBackdated>
    /** For payments. */
    readonly port: PaymentPolicies["Service"]
  }
>()("@mall/merchants/terms/Policies") {
  static readonly layerNoDeps = Layer.effect(
    Policies,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const versions = yield* TermsVersions

      const cache = yield* PushedCache.make({
        channel: "merchant_policies",
        capacity,
        timeToLive,
        lookup: Effect.fnUntraced(function* (ids: ReadonlyArray<MerchantId>) {
          const all = yield* versions.all(ids, subject).pipe(Effect.flatMap(decode), Effect.orDie)
          // also who has none, so that nobody asks for them again
          return new Map(ids.map((id) => [id, all.filter(({ merchantId }) => merchantId === id)]))
        })
      })

      const port = PaymentPolicies.of({
        of: (merchantId, at) =>
          merchantId === null
            ? Effect.succeed(unrestricted)
            : Effect.map(cache.get(merchantId), (found) =>
                contentOf(
                  Option.getOrElse(found, (): Versions => []),
                  at
                )
              ),
        peek: (merchantId, at) => {
          if (merchantId === null) return unrestricted
          const known = cache.peek(merchantId)
          return known === undefined ? undefined : contentOf(known, at)
        }
      })

      return Policies.of({
        port,
        list: (merchantId, asTenant) =>
          versions.list(merchantId, subject, asTenant).pipe(Effect.flatMap(decode), Effect.orDie),
        put: Effect.fn("Policies.put")(function* (merchantId, { content, ...change }, actor) {
          return yield* versions
            .put({
              ...change,
              merchantId,
              subject,
              content: encodeContent(content),
              action: "payment_policy.put",
              actor
            })
            .pipe(
              Effect.tap(() => cache.invalidate([merchantId])),
              Effect.flatMap(decodeOne),
              sql.withTransaction,
              Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
            )
        })
      })
    })
  )
}

/** The port by which payments keep to the policies. */
export const layerPort = Layer.effect(
  PaymentPolicies,
  Effect.map(Policies, ({ port }) => port)
)
