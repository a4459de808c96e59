import { KycLevel } from "@mall/domain/merchants/kyc"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { KycStatus, MerchantChange, standingOf } from "@mall/domain/merchants/MerchantProfile"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Ruling } from "../Actor.ts"
import { Standings } from "./Standings.ts"

/** What is known of a merchant. */
export const ProfileRow = Schema.Struct({
  merchantId: MerchantId,
  kycStatus: KycStatus,
  kycLevel: Schema.NullOr(KycLevel),
  verifiedUntil: Schema.NullOr(Schema.Date),
  suspendedAt: Schema.NullOr(Schema.Date)
})
export type ProfileRow = typeof ProfileRow.Type

/** Of a merchant of whom nothing is kept. */
export const unknownProfile = (merchantId: MerchantId): ProfileRow => ({
  merchantId,
  kycStatus: "unknown",
  kycLevel: null,
  verifiedUntil: null,
  suspendedAt: null
})

/** The profiles and their history, in the ambient transaction. */
export class Profiles extends Context.Service<
  Profiles,
  {
    find(ids: ReadonlyArray<MerchantId>): Effect.Effect<ReadonlyArray<ProfileRow>, SqlError>
    /** Makes the row where there is none. */
    lock(id: MerchantId): Effect.Effect<ProfileRow, SqlError>
    /** Those whose time is up by `warnBefore`, or by now, and who were not told so. */
    lockDue(now: Date, warnBefore: Date, limit: number): Effect.Effect<ReadonlyArray<ProfileRow>, SqlError>
    /** Of a row that is locked; a line of history, and told to every process. */
    save(row: ProfileRow, ruling: Ruling): Effect.Effect<void, SqlError>
    /** The oldest first. */
    history(id: MerchantId): Effect.Effect<ReadonlyArray<MerchantChange>, SqlError>
  }
>()("@mall/merchants/standing/Profiles") {
  static readonly layerNoDeps = Layer.effect(
    Profiles,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const standings = yield* Standings
      const select = SqlSchema.findAll({
        Request: Schema.Array(MerchantId),
        Result: ProfileRow,
        execute: (ids) => sql`SELECT p.* FROM merchants.profiles AS p WHERE p.merchant_id = ANY (${ids}::uuid[])`
      })
      const selectLocked = SqlSchema.findOne({
        Request: MerchantId,
        Result: ProfileRow,
        execute: (id) => sql`SELECT p.* FROM merchants.profiles AS p WHERE p.merchant_id = ${id} FOR UPDATE`
      })
      const selectDue = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, warnBefore: Schema.Date, limit: Schema.Int }),
        Result: ProfileRow,
        execute: ({ limit, now, warnBefore }) => sql`
          SELECT p.* FROM merchants.profiles AS p
          WHERE p.kyc_status IN ('verified', 'expiring')
            AND p.verified_until <= CASE p.kyc_status WHEN 'verified' THEN ${warnBefore}::timestamptz ELSE ${now}::timestamptz END
          ORDER BY p.verified_until LIMIT ${limit} FOR UPDATE SKIP LOCKED`
      })
      const selectHistory = SqlSchema.findAll({
        Request: MerchantId,
        Result: MerchantChange,
        execute: (id) => sql`SELECT h.* FROM merchants.profile_history AS h WHERE h.merchant_id = ${id} ORDER BY h.id`
      })

      return Profiles.of({
        find: (ids) => Effect.catchTag(select(ids), "SchemaError", Effect.die),
        lock: Effect.fnUntraced(
          function* (id) {
            yield* sql`
              INSERT INTO merchants.profiles (merchant_id, kyc_status, updated_at)
              VALUES (${id}, 'unknown', ${yield* DateTime.nowAsDate})
              ON CONFLICT ON CONSTRAINT profiles_pkey DO NOTHING`
            return yield* selectLocked(id)
          },
          Effect.catchTag(["SchemaError", "NoSuchElementError"], Effect.die)
        ),
        lockDue: (now, warnBefore, limit) =>
          Effect.catchTag(selectDue({ now, warnBefore, limit }), "SchemaError", Effect.die),
        save: Effect.fnUntraced(function* (row, { actor, reason }) {
          const { kycLevel, kycStatus, merchantId, suspendedAt, verifiedUntil } = row
          const now = yield* DateTime.nowAsDate
          const standing = standingOf(kycStatus, suspendedAt !== null)
          yield* sql`
            UPDATE merchants.profiles SET kyc_status = ${kycStatus}, kyc_level = ${kycLevel},
              verified_until = ${verifiedUntil}, suspended_at = ${suspendedAt}, updated_at = ${now}
            WHERE merchant_id = ${merchantId}`
          const line = { merchantId, standing, kycStatus, kycLevel, verifiedUntil, actor, reason }
          yield* sql`
            INSERT INTO merchants.profile_history ${sql.insert({ ...line, traceId: yield* currentTraceId, at: now })}`
          yield* standings.changed([merchantId])
        }),
        history: (id) => Effect.catchTag(selectHistory(id), "SchemaError", Effect.die)
      })
    })
  )
}
