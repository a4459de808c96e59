import type { Currency } from "@mall/domain/kernel/Currency"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { changeOf, PayoutAccount, PayoutAccountId, PayoutAccountStatus } from "@mall/domain/treasury/PayoutAccount"
import { sealedFields } from "@mall/platform/sealing/PersonalDataTable"
import { Context, Effect, Layer, Schema } from "effect"
import type { Option } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Act } from "./Act.ts"

/** A row of `treasury.payout_accounts`, its number sealed. */
export const PayoutAccountRow = Schema.Struct({ ...PayoutAccount.fields, ...sealedFields })
export type PayoutAccountRow = typeof PayoutAccountRow.Type

const Change = changeOf(PayoutAccountStatus)
const Key = Schema.Struct({ merchantId: Schema.String, currency: Schema.String })

/** Rows of merchants' bank accounts and their history. */
export class PayoutAccountRepo extends Context.Service<
  PayoutAccountRepo,
  {
    /** Lets one thing happen at a time to a merchant's accounts and withdrawals. Needs a transaction. */
    lockMerchant(merchantId: MerchantId): Effect.Effect<void, SqlError>
    find(id: PayoutAccountId): Effect.Effect<Option.Option<PayoutAccountRow>, SqlError>
    /** Needs a transaction, until whose end nobody else changes it. */
    lock(id: PayoutAccountId): Effect.Effect<Option.Option<PayoutAccountRow>, SqlError>
    active(merchantId: MerchantId, currency: Currency): Effect.Effect<Option.Option<PayoutAccountRow>, SqlError>
    /** Those of the merchant and currency that are not decided. */
    unverified(merchantId: MerchantId, currency: Currency): Effect.Effect<ReadonlyArray<PayoutAccountRow>, SqlError>
    insert(row: PayoutAccountRow, act: Act): Effect.Effect<void, SqlError>
    move(
      from: PayoutAccountRow,
      to: PayoutAccountStatus,
      act: Act,
      verified?: { readonly by: string; readonly usableFrom: Date }
    ): Effect.Effect<void, SqlError>
    history(id: PayoutAccountId): Effect.Effect<ReadonlyArray<typeof Change.Type>, SqlError>
  }
>()("@mall/treasury/payouts/PayoutAccountRepo") {
  static readonly layer = Layer.effect(
    PayoutAccountRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const byId = SqlSchema.findOneOption({
        Request: PayoutAccountId,
        Result: PayoutAccountRow,
        execute: (id) => sql`SELECT a.* FROM treasury.payout_accounts AS a WHERE a.id = ${id}`
      })
      const byIdLocked = SqlSchema.findOneOption({
        Request: PayoutAccountId,
        Result: PayoutAccountRow,
        execute: (id) => sql`SELECT a.* FROM treasury.payout_accounts AS a WHERE a.id = ${id} FOR UPDATE`
      })
      const ofStatus = (status: PayoutAccountStatus) => ({
        Request: Key,
        Result: PayoutAccountRow,
        execute: ({ currency, merchantId }: typeof Key.Type) => sql`
          SELECT a.* FROM treasury.payout_accounts AS a
          WHERE a.merchant_id = ${merchantId} AND a.currency = ${currency} AND a.status = ${status}
          ORDER BY a.id FOR UPDATE`
      })
      const active = SqlSchema.findOneOption(ofStatus("active"))
      const unverified = SqlSchema.findAll(ofStatus("unverified"))
      const history = SqlSchema.findAll({
        Request: PayoutAccountId,
        Result: Change,
        execute: (id) => sql`
          SELECT h.from_status, h.to_status, h.actor, h.reason, h.trace_id, h.at
          FROM treasury.payout_account_history AS h WHERE h.account_id = ${id} ORDER BY h.id`
      })
      const tell = (id: string, from: string | null, to: string, { actor, now, reason, traceId }: Act) => sql`
        INSERT INTO treasury.payout_account_history (account_id, from_status, to_status, actor, reason, trace_id, at)
        VALUES (${id}, ${from}, ${to}, ${actor}, ${reason}, ${traceId}, ${now})`

      return PayoutAccountRepo.of({
        lockMerchant: (merchantId) =>
          Effect.asVoid(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`payouts ${merchantId}`}, 0))`),
        find: (id) => Effect.catchTag(byId(id), "SchemaError", Effect.die),
        lock: (id) => Effect.catchTag(byIdLocked(id), "SchemaError", Effect.die),
        active: (merchantId, currency) => Effect.catchTag(active({ merchantId, currency }), "SchemaError", Effect.die),
        unverified: (merchantId, currency) =>
          Effect.catchTag(unverified({ merchantId, currency }), "SchemaError", Effect.die),
        insert: Effect.fnUntraced(function* (row, act) {
          yield* sql`INSERT INTO treasury.payout_accounts ${sql.insert(row)}`
          yield* tell(row.id, null, row.status, act)
        }),
        move: Effect.fnUntraced(function* ({ id, status }, to, act, verified) {
          const endedAt = to === "active" ? null : act.now
          yield* sql`
            UPDATE treasury.payout_accounts SET status = ${to}, ended_at = ${endedAt},
              verified_by = coalesce(${verified?.by ?? null}, verified_by),
              usable_from = coalesce(${verified?.usableFrom ?? null}, usable_from)
            WHERE id = ${id}`
          yield* tell(id, status, to, act)
        }),
        history: (id) => Effect.catchTag(history(id), "SchemaError", Effect.die)
      })
    })
  )
}
