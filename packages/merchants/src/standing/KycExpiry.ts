import { merchantKycDue } from "@mall/domain/merchants/MerchantTopics"
import { Outbox } from "@mall/platform/Outbox"
import { Context, DateTime, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { MerchantsConfig } from "../MerchantsConfig.ts"
import { Profiles } from "./Profiles.ts"

/** Says that what is known of a merchant is about to expire, and that it has. */
export class KycExpiry extends Context.Service<
  KycExpiry,
  {
    /** Answers with how many merchants it told. */
    sweep(limit: number): Effect.Effect<number>
  }
>()("@mall/merchants/standing/KycExpiry") {
  static readonly layerNoDeps = Layer.effect(
    KycExpiry,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { expiryWarning } = yield* MerchantsConfig
      const outbox = yield* Outbox
      const profiles = yield* Profiles
      return KycExpiry.of({
        sweep: Effect.fn("KycExpiry.sweep")(
          function* (limit) {
            const moment = yield* DateTime.now
            const now = DateTime.toDateUtc(moment)
            const warnBefore = DateTime.toDateUtc(DateTime.addDuration(moment, expiryWarning))
            const due = yield* profiles.lockDue(now, warnBefore, limit)
            for (const row of due) {
              const { merchantId, verifiedUntil } = row
              if (verifiedUntil === null) continue
              const kycStatus = verifiedUntil <= now ? "expired" : "expiring"
              yield* profiles.save({ ...row, kycStatus }, { actor: "sweep", reason: `the check is ${kycStatus}` })
              yield* outbox.publish(merchantKycDue, { merchantId, kycStatus, verifiedUntil })
            }
            return due.length
          },
          sql.withTransaction,
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
