import type { Currency } from "@mall/domain/kernel/Currency"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { changeOf, PayoutAccountId, PayoutAccountStatus } from "@mall/domain/treasury/PayoutAccount"
import type { PayoutAccount } from "@mall/domain/treasury/PayoutAccount"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Array as Arr, Context, Effect, Layer } from "effect"
import type { Option } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Act } from "./Act.ts"
import { accountColumns, openAccounts } from "./sealedAccounts.ts"
import type { OpenedAccount } from "./sealedAccounts.ts"

const Change = changeOf(PayoutAccountStatus)

/** Rows of merchants' bank accounts and their history. */
export class PayoutAccountRepo extends Context.Service<
  PayoutAccountRepo,
  {
    /** Lets one thing happen at a time to a merchant's accounts and withdrawals. Needs a transaction. */
    lockMerchant(merchantId: MerchantId): Effect.Effect<void, SqlError>
    find(id: PayoutAccountId): Effect.Effect<Option.Option<OpenedAccount>, SqlError>
    /** Needs a transaction, until whose end nobody else changes it. */
    lock(id: PayoutAccountId): Effect.Effect<Option.Option<OpenedAccount>, SqlError>
    active(merchantId: MerchantId, currency: Currency): Effect.Effect<Option.Option<OpenedAccount>, SqlError>
    /** Those of the merchant and currency that are not decided. */
    unverified(merchantId: MerchantId, currency: Currency): Effect.Effect<ReadonlyArray<OpenedAccount>, SqlError>
    insert(opened: OpenedAccount, act: Act): Effect.Effect<void, SqlError>
    move(
      from: PayoutAccount,
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
      const keys = yield* PersonalDataKeys
      const open = openAccounts(keys)
      const select = (where: Fragment) =>
        Effect.flatMap(sql`SELECT a.* FROM treasury.payout_accounts AS a WHERE ${where}`, open)
      const byId = (where: Fragment) => Effect.map(select(where), Arr.head)
      const ofStatus = (status: PayoutAccountStatus) => (merchantId: MerchantId, currency: Currency) =>
        select(sql`
          a.merchant_id = ${merchantId} AND a.currency = ${currency} AND a.status = ${status} ORDER BY a.id FOR UPDATE`)
      const active = ofStatus("active")
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
        find: (id) => byId(sql`a.id = ${id}`),
        lock: (id) => byId(sql`a.id = ${id} FOR UPDATE`),
        active: (merchantId, currency) => Effect.map(active(merchantId, currency), Arr.head),
        unverified: ofStatus("unverified"),
        insert: Effect.fnUntraced(function* (opened, act) {
          yield* sql`INSERT INTO treasury.payout_accounts ${sql.insert(accountColumns(keys, opened))}`
          yield* tell(opened.account.id, null, opened.account.status, act)
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
  ).pipe(Layer.provide(PersonalDataKeys.layer))
}
