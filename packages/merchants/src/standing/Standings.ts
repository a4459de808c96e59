import { MerchantId } from "@mall/domain/merchants/Merchant"
import { KycStatus, standingOf } from "@mall/domain/merchants/MerchantProfile"
import { MerchantStanding } from "@mall/domain/merchants/MerchantStanding"
import type { Standing } from "@mall/domain/merchants/MerchantStanding"
import * as PushedCache from "@mall/platform/PushedCache"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** The standings of merchants, kept in the process; a change reaches every process with its commit. */
export class Standings extends Context.Service<
  Standings,
  {
    of(merchantId: MerchantId): Effect.Effect<Standing>
    /** Called in the transaction of a change. */
    changed(merchantIds: ReadonlyArray<MerchantId>): Effect.Effect<void, SqlError>
  }
>()("@mall/merchants/standing/Standings") {
  static readonly layerNoDeps = Layer.effect(
    Standings,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const select = SqlSchema.findAll({
        Request: Schema.Array(MerchantId),
        Result: Schema.Struct({ merchantId: MerchantId, kycStatus: KycStatus, isSuspended: Schema.Boolean }),
        execute: (ids) => sql`
          SELECT p.merchant_id, p.kyc_status, p.suspended_at IS NOT NULL AS is_suspended
          FROM merchants.profiles AS p WHERE p.merchant_id = ANY (${ids}::uuid[])`
      })
      const cache = yield* PushedCache.make({
        channel: "merchant_standings",
        capacity: 10_000,
        timeToLive: "1 minute",
        lookup: (ids: ReadonlyArray<MerchantId>) =>
          Effect.map(
            select(ids),
            (rows) => new Map(rows.map((row) => [row.merchantId, standingOf(row.kycStatus, row.isSuspended)] as const))
          )
      })
      return Standings.of({
        of: (id) =>
          Effect.map(
            Effect.orDie(cache.get(id)),
            Option.getOrElse((): Standing => "active")
          ),
        changed: cache.invalidate
      })
    })
  )

  /** With the port `MerchantStanding`. Needs `SqlClient` and `Notifications`. */
  static readonly layer = Layer.effect(
    MerchantStanding,
    Effect.map(Standings, (standings) => MerchantStanding.of({ of: standings.of }))
  ).pipe(Layer.provideMerge(this.layerNoDeps))
}
