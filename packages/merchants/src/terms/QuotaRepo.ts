import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { QuotaFault, QuotaPeriod } from "@mall/domain/merchants/PaymentLimits"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { readsOf } from "@mall/platform/Tenancy"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { Statement } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** What a day or a month of a merchant comes to in a currency. */
const Counter = Schema.Struct({
  key: Schema.String,
  merchantId: MerchantId,
  currency: Currency,
  period: QuotaPeriod,
  window: Schema.String
})
export type Counter = typeof Counter.Type

const CounterRow = Schema.Struct({ key: Schema.String, held: MinorUnits, used: MinorUnits })
export type CounterRow = typeof CounterRow.Type

/** `day` and `month` are the keys of its counters. */
const NewHold = Schema.Struct({
  paymentId: PaymentId,
  merchantId: MerchantId,
  currency: Currency,
  amount: MinorUnits,
  day: Schema.String,
  month: Schema.String,
  returnsOnRefund: Schema.Boolean,
  at: Schema.Date
})
export type NewHold = typeof NewHold.Type

/** All that became of a payment, at once; `to` is null where it was only refunded. */
const Settlement = Schema.Struct({
  paymentId: PaymentId,
  to: Schema.NullOr(Schema.Literals(["committed", "released"])),
  refunded: MinorUnits
})
export type Settlement = typeof Settlement.Type

const json = <S extends Schema.Codec<unknown, unknown>>(row: S) =>
  Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Schema.Array(row))))
const countersJson = json(Counter)
const holdsJson = json(NewHold)
const settlementsJson = json(Settlement)

/** What a counter says, and what its holds come to. */
export type Compared = typeof QuotaFault.Type
const decodeCompared = Schema.decodeUnknownEffect(Schema.Array(QuotaFault))

/**
 * Counters and the holds they are the sums of. Each change of a hold changes its counters in the same statement, and counters are
 * locked in the order of their keys, so nobody waits in a circle.
 */
export class QuotaRepo extends Context.Service<
  QuotaRepo,
  {
    /** Makes those that are new, and waits for the locks of all; needs a transaction. */
    lock(counters: ReadonlyArray<Counter>): Effect.Effect<ReadonlyArray<CounterRow>, SqlError>
    read(merchantId: MerchantId, keys: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<CounterRow>, SqlError>
    /** Of payments that hold nothing yet; the locks of their counters are held. */
    hold(rows: ReadonlyArray<NewHold>): Effect.Effect<void, SqlError>
    /** Each payment once. One that holds nothing is left alone. */
    settle(rows: ReadonlyArray<Settlement>, now: Date): Effect.Effect<void, SqlError>
    /** Counters beside the sums of their holds: up to `limit` of those in `among` after the key `after`, in the order of their keys. */
    compare(among: Statement.Fragment, after: string, limit: number): Effect.Effect<ReadonlyArray<Compared>, SqlError>
  }
>()("@mall/merchants/terms/QuotaRepo") {
  static readonly layer = Layer.effect(
    QuotaRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const lockAll = SqlSchema.findAll({
        Request: Schema.String,
        Result: CounterRow,
        execute: (rows) => sql`
          INSERT INTO merchant_terms.quota_counters AS c (key, merchant_id, currency, period, "window")
          SELECT r.key, r."merchantId", r.currency, r.period, r."window"
          FROM jsonb_to_recordset(${rows}::jsonb) AS r(key text, "merchantId" uuid, currency text, period text, "window" text)
          ORDER BY r.key COLLATE "C"
          ON CONFLICT (key) DO UPDATE SET held = c.held
          RETURNING c.key, c.held, c.used`
      })
      const selectAll = SqlSchema.findAll({
        Request: Schema.Array(Schema.String),
        Result: CounterRow,
        execute: (keys) => sql`
          SELECT c.key, c.held, c.used FROM merchant_terms.quota_counters AS c WHERE c.key = ANY(${keys}::text[])`
      })

      const insertHolds = (rows: string) => sql`
        WITH added AS (
          INSERT INTO merchant_terms.quota_holds
            (payment_id, merchant_id, currency, amount, day, month, returns_on_refund, created_at)
          SELECT "paymentId", "merchantId", currency, amount, day, month, "returnsOnRefund", at
          FROM jsonb_to_recordset(${rows}::jsonb) AS r("paymentId" uuid, "merchantId" uuid, currency text, amount bigint,
            day text, month text, "returnsOnRefund" boolean, at timestamptz)
          RETURNING amount, day, month
        ), sums AS (
          SELECT w.key, sum(added.amount)::bigint AS held
          FROM added CROSS JOIN LATERAL (VALUES (added.day), (added.month)) AS w(key) GROUP BY w.key
        )
        UPDATE merchant_terms.quota_counters AS c SET held = c.held + sums.held FROM sums WHERE c.key = sums.key`

      // What is released is no longer held; what is paid is used, also where it came after the release.
      const settleHolds = (rows: string, now: Date) => sql`
        WITH was AS (
          SELECT h.payment_id, h.amount, h.day, h.month, h.status, h.returned,
            CASE WHEN s.to = 'committed' THEN 'committed' WHEN s.to = 'released' AND h.status = 'held' THEN 'released'
              ELSE h.status END AS becomes,
            CASE WHEN h.returns_on_refund THEN least(s.refunded, h.amount - h.returned) ELSE 0 END AS refunded
          FROM merchant_terms.quota_holds AS h
          JOIN jsonb_to_recordset(${rows}::jsonb) AS s("paymentId" uuid, "to" text, refunded bigint)
            ON s."paymentId" = h.payment_id
          ORDER BY h.payment_id FOR UPDATE OF h
        ), changes AS (
          SELECT was.*,
            CASE WHEN status = 'held' AND becomes <> 'held' THEN -amount ELSE 0 END AS held_change,
            CASE WHEN becomes = 'committed' THEN
              CASE WHEN status = 'committed' THEN 0 ELSE amount END - refunded ELSE 0 END AS used_change
          FROM was
        ), saved AS (
          UPDATE merchant_terms.quota_holds AS h SET status = n.becomes,
            returned = h.returned + CASE WHEN n.becomes = 'committed' THEN n.refunded ELSE 0 END,
            settled_at = CASE WHEN n.becomes = 'held' THEN NULL ELSE ${now}::timestamptz END
          FROM changes AS n WHERE h.payment_id = n.payment_id
        ), sums AS (
          SELECT w.key, sum(held_change)::bigint AS held, sum(used_change)::bigint AS used
          FROM changes CROSS JOIN LATERAL (VALUES (changes.day), (changes.month)) AS w(key) GROUP BY w.key
        ), locked AS (
          SELECT c.key FROM merchant_terms.quota_counters AS c JOIN sums ON sums.key = c.key
          ORDER BY c.key FOR UPDATE OF c
        )
        UPDATE merchant_terms.quota_counters AS c SET held = c.held + sums.held, used = c.used + sums.used
        FROM sums JOIN locked ON locked.key = sums.key WHERE c.key = sums.key`

      return QuotaRepo.of({
        lock: (counters) => Effect.catchTag(lockAll(countersJson(counters)), "SchemaError", Effect.die),
        read: (merchantId, keys) =>
          selectAll(keys).pipe(
            readsOf(sql, "mall_pay_tenant", { merchantId }),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        hold: (rows) => Effect.asVoid(insertHolds(holdsJson(rows))),
        settle: (rows, now) => Effect.asVoid(settleHolds(settlementsJson(rows), now)),
        compare: (among, after, limit) =>
          sql`
            SELECT c.key, c.held, coalesce(s.held, 0) AS held_by_payments, c.used, coalesce(s.used, 0) AS used_by_payments
            FROM (
              SELECT * FROM merchant_terms.quota_counters AS c
              WHERE ${among} AND c.key > ${after} ORDER BY c.key LIMIT ${limit}
            ) AS c
            LEFT JOIN LATERAL (
              SELECT (sum(h.amount) FILTER (WHERE h.status = 'held'))::bigint AS held,
                (sum(h.amount - h.returned) FILTER (WHERE h.status = 'committed'))::bigint AS used
              FROM merchant_terms.quota_holds AS h WHERE h.day = c.key OR h.month = c.key
            ) AS s ON true
            ORDER BY c.key`.pipe(Effect.flatMap(decodeCompared), Effect.catchTag("SchemaError", Effect.die))
      })
    })
  )
}
