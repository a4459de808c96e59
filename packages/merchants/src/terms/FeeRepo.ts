import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { ChargedFee } from "@mall/domain/merchants/FeePlan"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { AttemptId, ChannelId } from "@mall/domain/payments/Payment"
import { PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** What the captures of a month come to. */
const VolumeRow = Schema.Struct({
  merchantId: MerchantId,
  currency: Currency,
  month: Schema.String,
  amount: MinorUnits
})
export type VolumeRow = typeof VolumeRow.Type

/** What a capture was charged. */
const NewFeeRow = Schema.Struct({
  attemptId: AttemptId,
  paymentId: PaymentId,
  merchantId: MerchantId,
  channel: ChannelId,
  currency: Currency,
  amount: MinorUnits,
  planVersion: Schema.Int,
  ...ChargedFee.fields,
  at: Schema.Date
})
export type NewFeeRow = typeof NewFeeRow.Type

/** What refunds of a capture need to know of its fee, which they change. */
const FeeRow = Schema.Struct({
  attemptId: AttemptId,
  paymentId: PaymentId,
  merchantId: MerchantId,
  currency: Currency,
  amount: MinorUnits,
  planVersion: Schema.Int,
  returnable: MinorUnits,
  refunded: MinorUnits,
  returned: MinorUnits
})
export type FeeRow = typeof FeeRow.Type

const KeptRow = Schema.Struct({ attemptId: AttemptId, kept: MinorUnits })

const NewReturnRow = Schema.Struct({
  refundId: RefundId,
  attemptId: AttemptId,
  amount: MinorUnits,
  fee: MinorUnits,
  at: Schema.Date
})
export type NewReturnRow = typeof NewReturnRow.Type

const json = <S extends Schema.Codec<unknown, unknown>>(row: S) =>
  Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Schema.Array(row))))
const volumesJson = json(VolumeRow)
const feesJson = json(NewFeeRow)
const returnsJson = json(NewReturnRow)

/** The tables of fees. */
export class FeeRepo extends Context.Service<
  FeeRepo,
  {
    volumeOf(merchantId: MerchantId, currency: Currency, month: string): Effect.Effect<number, SqlError>
    /** Adds to the months, and answers with what they are then. Holds their rows, taken in one order. */
    addVolumes(rows: ReadonlyArray<VolumeRow>): Effect.Effect<ReadonlyArray<VolumeRow>, SqlError>
    insert(rows: ReadonlyArray<NewFeeRow>): Effect.Effect<void, SqlError>
    /** Waits for their locks. A capture that cost nothing has none. */
    lock(attempts: ReadonlyArray<AttemptId>): Effect.Effect<ReadonlyArray<FeeRow>, SqlError>
    /** The fee of each less what went back. */
    kept(attempts: ReadonlyArray<AttemptId>): Effect.Effect<ReadonlyArray<typeof KeptRow.Type>, SqlError>
    /** One row for each refund of captures whose fees are locked. */
    giveBack(rows: ReadonlyArray<NewReturnRow>): Effect.Effect<void, SqlError>
  }
>()("@mall/merchants/terms/FeeRepo") {
  static readonly layer = Layer.effect(
    FeeRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const selectVolume = SqlSchema.findAll({
        Request: VolumeRow.mapFields(({ currency, merchantId, month }) => ({ currency, merchantId, month })),
        Result: VolumeRow,
        execute: ({ currency, merchantId, month }) => sql`
          SELECT v.* FROM merchant_terms.volumes AS v
          WHERE v.merchant_id = ${merchantId} AND v.currency = ${currency} AND v.month = ${month}`
      })
      const addVolumes = SqlSchema.findAll({
        Request: Schema.String,
        Result: VolumeRow,
        execute: (rows) => sql`
          INSERT INTO merchant_terms.volumes AS v (merchant_id, currency, month, amount)
          SELECT "merchantId", currency, month, amount
          FROM jsonb_to_recordset(${rows}::jsonb) AS r("merchantId" uuid, currency text, month text, amount bigint)
          ORDER BY "merchantId", currency, month
          ON CONFLICT (merchant_id, currency, month) DO UPDATE
            SET amount = least(v.amount + excluded.amount, ${Number.MAX_SAFE_INTEGER}::bigint)
          RETURNING *`
      })
      const lockFees = SqlSchema.findAll({
        Request: Schema.Array(AttemptId),
        Result: FeeRow,
        execute: (ids) => sql`
          SELECT f.attempt_id, f.payment_id, f.merchant_id, f.currency, f.amount, f.plan_version, f.returnable,
            f.refunded, f.returned
          FROM merchant_terms.fees AS f WHERE f.attempt_id = ANY(${ids}::uuid[])
          ORDER BY f.attempt_id FOR UPDATE OF f`
      })

      const selectKept = SqlSchema.findAll({
        Request: Schema.Array(AttemptId),
        Result: KeptRow,
        execute: (ids) => sql`
          SELECT f.attempt_id, f.fee - f.returned AS kept FROM merchant_terms.fees AS f
          WHERE f.attempt_id = ANY(${ids}::uuid[])`
      })

      return FeeRepo.of({
        kept: (attempts) => Effect.catchTag(selectKept(attempts), "SchemaError", Effect.die),
        volumeOf: (merchantId, currency, month) =>
          selectVolume({ merchantId, currency, month }).pipe(
            Effect.map(([row]) => row?.amount ?? 0),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        addVolumes: (rows) => Effect.catchTag(addVolumes(volumesJson(rows)), "SchemaError", Effect.die),
        insert: (rows) =>
          Effect.asVoid(sql`
            INSERT INTO merchant_terms.fees (attempt_id, payment_id, merchant_id, channel, currency, amount, plan_version,
              rate, volume, percent, fixed, fee, returnable, at)
            SELECT "attemptId", "paymentId", "merchantId", channel, currency, amount, "planVersion", rate, volume, percent,
              fixed, fee, returnable, at
            FROM jsonb_to_recordset(${feesJson(rows)}::jsonb) AS r("attemptId" uuid, "paymentId" uuid, "merchantId" uuid,
              channel text, currency text, amount bigint, "planVersion" int, rate jsonb, volume bigint, percent bigint,
              fixed bigint, fee bigint, returnable bigint, at timestamptz)`),
        lock: (attempts) => Effect.catchTag(lockFees(attempts), "SchemaError", Effect.die),
        giveBack: (rows) =>
          Effect.asVoid(sql`
            WITH given AS (
              INSERT INTO merchant_terms.fee_returns (refund_id, attempt_id, amount, fee, at)
              SELECT "refundId", "attemptId", amount, fee, at
              FROM jsonb_to_recordset(${returnsJson(rows)}::jsonb) AS r("refundId" uuid, "attemptId" uuid, amount bigint,
                fee bigint, at timestamptz)
              RETURNING attempt_id, amount, fee
            ), sums AS (
              SELECT attempt_id, sum(amount)::bigint AS amount, sum(fee)::bigint AS fee FROM given GROUP BY attempt_id
            )
            UPDATE merchant_terms.fees AS f SET refunded = f.refunded + sums.amount, returned = f.returned + sums.fee
            FROM sums WHERE f.attempt_id = sums.attempt_id`)
      })
    })
  )
}
