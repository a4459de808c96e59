import { MerchantId } from "@mall/domain/merchants/Merchant"
import { CredentialChange, CredentialId } from "@mall/domain/payments/ChannelCredentials"
import { ChannelId } from "@mall/domain/payments/Payment"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** A row of `payments.channel_credentials`; `sealed` is gone once it is retired. */
export const CredentialRow = Schema.Struct({
  id: CredentialId,
  merchantId: MerchantId,
  channel: ChannelId,
  version: Schema.Int,
  account: Schema.String,
  masked: Schema.Record(Schema.String, Schema.String),
  keyId: Schema.String,
  sealed: Schema.NullOr(Schema.Uint8Array),
  createdAt: Schema.Date,
  supersededAt: Schema.NullOr(Schema.Date),
  retiredAt: Schema.NullOr(Schema.Date)
})
export type CredentialRow = typeof CredentialRow.Type

const HistoryRow = Schema.Struct({ credentialId: CredentialId, ...CredentialChange.fields })

const maskedJson = Schema.encodeSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))
const Key = Schema.Struct({ merchantId: MerchantId, channel: ChannelId })

/** Where credentials are kept: every version of them, and what was done to each by whom. */
export class CredentialRepo extends Context.Service<
  CredentialRepo,
  {
    /** Lets one change of a merchant's credentials happen at a time. Needs a transaction. */
    lock(merchantId: MerchantId): Effect.Effect<void, SqlError>
    /** Of all of `merchants`, by channel, the newest version first. */
    findAll(merchants: ReadonlyArray<MerchantId>): Effect.Effect<ReadonlyArray<CredentialRow>, SqlError>
    find(id: CredentialId): Effect.Effect<Option.Option<CredentialRow>, SqlError>
    insert(row: CredentialRow): Effect.Effect<void, SqlError>
    /** Takes the current version of the merchant at the channel out of use for new tries; its id, if there is one. */
    supersede(
      merchantId: MerchantId,
      channel: ChannelId,
      now: Date
    ): Effect.Effect<Option.Option<CredentialId>, SqlError>
    /** Erases the secrets. */
    retire(id: CredentialId, now: Date): Effect.Effect<void, SqlError>
    note(id: CredentialId, change: CredentialChange): Effect.Effect<void, SqlError>
    history(
      ids: ReadonlyArray<CredentialId>
    ): Effect.Effect<ReadonlyMap<CredentialId, ReadonlyArray<CredentialChange>>, SqlError>
    /** Tries and refunds made with any of them that have not come to an end. */
    countOpen(ids: ReadonlyArray<CredentialId>): Effect.Effect<number, SqlError>
    /** Locks some that another key than `keyId` sealed, in the order of their ids. Needs a transaction. */
    lockSealedOtherwise(
      keyId: string,
      after: CredentialId | null,
      limit: number
    ): Effect.Effect<ReadonlyArray<CredentialRow>, SqlError>
    reseal(id: CredentialId, keyId: string, sealed: Uint8Array): Effect.Effect<void, SqlError>
  }
>()("@mall/payments/credentials/CredentialRepo") {
  static readonly layer = Layer.effect(
    CredentialRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const select = SqlSchema.findAll({
        Request: Schema.Array(MerchantId),
        Result: CredentialRow,
        execute: (merchants) => sql`
          SELECT c.* FROM payments.channel_credentials AS c WHERE c.merchant_id = ANY(${merchants}::uuid[])
          ORDER BY c.merchant_id, c.channel, c.version DESC`
      })
      const selectOne = SqlSchema.findOneOption({
        Request: CredentialId,
        Result: CredentialRow,
        execute: (id) => sql`SELECT c.* FROM payments.channel_credentials AS c WHERE c.id = ${id}`
      })
      const supersedeOne = SqlSchema.findOneOption({
        Request: Schema.Struct({ ...Key.fields, now: Schema.Date }),
        Result: Schema.Struct({ id: CredentialId }),
        execute: ({ channel, merchantId, now }) => sql`
          UPDATE payments.channel_credentials SET superseded_at = ${now}
          WHERE merchant_id = ${merchantId} AND channel = ${channel} AND superseded_at IS NULL RETURNING id`
      })
      const selectHistory = SqlSchema.findAll({
        Request: Schema.Array(CredentialId),
        Result: HistoryRow,
        execute: (ids) => sql`
          SELECT h.credential_id, h.change, h.actor, h.reason, h.at FROM payments.channel_credential_history AS h
          WHERE h.credential_id = ANY(${ids}::uuid[]) ORDER BY h.id`
      })
      const selectOpen = SqlSchema.findAll({
        Request: Schema.Array(CredentialId),
        Result: Schema.Struct({ open: Schema.Int }),
        execute: (ids) => sql`
          SELECT (
            SELECT count(*) FROM payments.attempts AS a
            WHERE a.credential_id = ANY(${ids}::uuid[]) AND a.status IN ('created', 'processing', 'unknown')
          ) + (
            SELECT count(*) FROM payments.refunds AS r JOIN payments.attempts AS a ON a.id = r.attempt_id
            WHERE a.credential_id = ANY(${ids}::uuid[]) AND r.status IN ('pending', 'processing', 'unknown')
          ) AS open`
      })
      const lockOthers = SqlSchema.findAll({
        Request: Schema.Struct({ keyId: Schema.String, after: Schema.NullOr(CredentialId), limit: Schema.Int }),
        Result: CredentialRow,
        execute: ({ after, keyId, limit }) => sql`
          SELECT c.* FROM payments.channel_credentials AS c WHERE c.sealed IS NOT NULL AND c.key_id <> ${keyId}
            AND (${after}::uuid IS NULL OR c.id > ${after}::uuid)
          ORDER BY c.id LIMIT ${limit} FOR UPDATE`
      })

      return CredentialRepo.of({
        lock: (merchantId) =>
          Effect.asVoid(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`channel_credentials ${merchantId}`}, 0))`),
        findAll: (merchants) => Effect.catchTag(select(merchants), "SchemaError", Effect.die),
        find: (id) => Effect.catchTag(selectOne(id), "SchemaError", Effect.die),
        insert: (row) =>
          Effect.asVoid(sql`
          INSERT INTO payments.channel_credentials (id, merchant_id, channel, version, account, masked, key_id, sealed,
            created_at)
          VALUES (${row.id}, ${row.merchantId}, ${row.channel}, ${row.version}, ${row.account},
            ${maskedJson(row.masked)}::jsonb, ${row.keyId}, ${row.sealed}, ${row.createdAt})`),
        supersede: (merchantId, channel, now) =>
          supersedeOne({ merchantId, channel, now }).pipe(
            Effect.map(Option.map(({ id }) => id)),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        retire: (id, now) =>
          Effect.asVoid(sql`
          UPDATE payments.channel_credentials SET retired_at = ${now}, sealed = NULL WHERE id = ${id}`),
        note: (id, { actor, at, change, reason }) =>
          Effect.asVoid(sql`
          INSERT INTO payments.channel_credential_history (credential_id, change, actor, reason, at)
          VALUES (${id}, ${change}, ${actor}, ${reason}, ${at})`),
        history: Effect.fnUntraced(
          function* (ids) {
            const rows = ids.length === 0 ? [] : yield* selectHistory(ids)
            const byId = new Map<CredentialId, Array<CredentialChange>>()
            for (const { credentialId, ...change } of rows) {
              byId.set(credentialId, [...(byId.get(credentialId) ?? []), change])
            }
            return byId
          },
          Effect.catchTag("SchemaError", Effect.die)
        ),
        countOpen: (ids) =>
          selectOpen(ids).pipe(
            Effect.map(([row]) => row?.open ?? 0),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        lockSealedOtherwise: (keyId, after, limit) =>
          Effect.catchTag(lockOthers({ keyId, after, limit }), "SchemaError", Effect.die),
        reseal: (id, keyId, sealed) =>
          Effect.asVoid(sql`
          UPDATE payments.channel_credentials SET key_id = ${keyId}, sealed = ${sealed} WHERE id = ${id}`)
      })
    })
  )
}
