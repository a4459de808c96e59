import { MerchantId } from "@mall/domain/merchants/Merchant"
import { CredentialId } from "@mall/domain/payments/ChannelCredentials"
import { ChannelId } from "@mall/domain/payments/Payment"
import type { BilledAccount } from "@mall/domain/treasury/ChannelBills"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

const OwnAccount = Schema.Struct({
  channel: ChannelId,
  account: Schema.String,
  merchantId: MerchantId,
  since: Schema.Date,
  isCurrent: Schema.Boolean,
  /** Whether there are credentials that may still be used. */
  isUsable: Schema.Boolean
})
export type OwnAccount = typeof OwnAccount.Type

const Page = Schema.Struct({
  since: Schema.Date,
  merchantId: Schema.NullOr(Schema.String),
  channel: Schema.String,
  account: Schema.String,
  limit: Schema.Int
})
const Named = Schema.Struct({ channel: Schema.String, account: Schema.String, merchantId: Schema.String })
const Version = Schema.Struct({ id: CredentialId })

/** Merchants' own accounts as the channels bill them: every version of their credentials, whatever else it names beside it. */
export class OwnAccountReads extends Context.Service<
  OwnAccountReads,
  {
    /** See `ChannelBills.own`. */
    page(since: Date, after: BilledAccount | null, limit: number): Effect.Effect<ReadonlyArray<OwnAccount>, SqlError>
    of(merchantId: MerchantId): Effect.Effect<ReadonlyArray<OwnAccount>, SqlError>
    /** The newest first; also those that are retired. */
    versions(account: BilledAccount): Effect.Effect<ReadonlyArray<CredentialId>, SqlError>
  }
>()("@mall/payments/bills/OwnAccountReads") {
  static readonly layer = Layer.effect(
    OwnAccountReads,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const billed = sql.literal("split_part(c.account, '/', 1)")
      const columns = sql`c.merchant_id, c.channel, ${billed} AS account, min(c.created_at) AS since,
        bool_or(c.superseded_at IS NULL) AS is_current, bool_or(c.sealed IS NOT NULL) AS is_usable`

      const page = SqlSchema.findAll({
        Request: Page,
        Result: OwnAccount,
        execute: ({ account, channel, limit, merchantId, since }) => sql`
          SELECT ${columns} FROM payments.channel_credentials AS c
          WHERE c.sealed IS NOT NULL
            AND (${merchantId}::uuid IS NULL
              OR (c.merchant_id, c.channel, ${billed}) > (${merchantId}::uuid, ${channel}::text, ${account}::text))
            AND (c.superseded_at IS NULL OR c.superseded_at >= ${since}
              OR EXISTS (
                SELECT FROM payments.attempts AS a
                WHERE a.credential_id = c.id AND a.status = 'succeeded' AND a.updated_at >= ${since})
              OR EXISTS (
                SELECT FROM payments.refunds AS r JOIN payments.attempts AS a ON a.id = r.attempt_id
                WHERE a.credential_id = c.id AND r.status = 'succeeded' AND r.updated_at >= ${since}))
          GROUP BY c.merchant_id, c.channel, ${billed} ORDER BY c.merchant_id, c.channel, ${billed} LIMIT ${limit}`
      })
      const ofMerchant = SqlSchema.findAll({
        Request: MerchantId,
        Result: OwnAccount,
        execute: (merchantId) => sql`
          SELECT ${columns} FROM payments.channel_credentials AS c WHERE c.merchant_id = ${merchantId}
          GROUP BY c.merchant_id, c.channel, ${billed} ORDER BY is_current DESC, c.channel, ${billed}`
      })
      const versions = SqlSchema.findAll({
        Request: Named,
        Result: Version,
        execute: ({ account, channel, merchantId }) => sql`
          SELECT c.id FROM payments.channel_credentials AS c
          WHERE c.merchant_id = ${merchantId} AND c.channel = ${channel} AND ${billed} = ${account}
          ORDER BY c.version DESC`
      })

      return OwnAccountReads.of({
        page: (since, after, limit) =>
          page({
            ...{ since, limit, merchantId: after?.merchantId ?? null },
            ...{ channel: after?.channel ?? "", account: after?.account ?? "" }
          }).pipe(Effect.catchTag("SchemaError", Effect.die)),
        of: (merchantId) => Effect.catchTag(ofMerchant(merchantId), "SchemaError", Effect.die),
        versions: ({ account, channel, merchantId }) =>
          merchantId === null
            ? Effect.succeed([])
            : versions({ account, channel, merchantId }).pipe(
                Effect.map((rows) => rows.map(({ id }) => id)),
                Effect.catchTag("SchemaError", Effect.die)
              )
      })
    })
  )
}
