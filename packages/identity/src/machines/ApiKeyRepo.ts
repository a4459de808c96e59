import { ApiKeyChange, ApiKeyId, ApiKeyMethod, ApiKeyScope } from "@mall/domain/identity/ApiKey"
import { Uuid7 } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Context, Effect, Layer, Schema } from "effect"
import type { Option } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** A row of `identity.api_keys`. */
export const ApiKeyRow = Schema.Struct({
  id: ApiKeyId,
  merchantId: MerchantId,
  name: Schema.String,
  prefix: Schema.String,
  method: ApiKeyMethod,
  scopes: Schema.Array(ApiKeyScope),
  allowedNetworks: Schema.Array(Schema.String),
  createdAt: Schema.Date,
  expiresAt: Schema.NullOr(Schema.Date),
  lastUsedAt: Schema.NullOr(Schema.Date),
  revokedAt: Schema.NullOr(Schema.Date)
})
export type ApiKeyRow = typeof ApiKeyRow.Type

/** A row of `identity.api_key_secrets`: the one that does not end is current. */
export const SecretRow = Schema.Struct({
  id: Uuid7,
  keyId: ApiKeyId,
  hash: Schema.NullOr(Schema.Uint8Array),
  sealed: Schema.NullOr(Schema.Uint8Array),
  createdAt: Schema.Date,
  endsAt: Schema.NullOr(Schema.Date)
})
export type SecretRow = typeof SecretRow.Type

const historyLimit = 20

const ChangeRow = Schema.Struct({ keyId: ApiKeyId, ...ApiKeyChange.fields })

const groupByKey = <A extends { readonly keyId: ApiKeyId }>(
  rows: ReadonlyArray<A>
): ReadonlyMap<ApiKeyId, ReadonlyArray<A>> => Map.groupBy(rows, ({ keyId }) => keyId)

/** The statements on the tables of API keys. They join the transaction they run in. */
export class ApiKeyRepo extends Context.Service<
  ApiKeyRepo,
  {
    /** Lets one change of a merchant's keys happen at a time. Needs a transaction. */
    lock(merchantId: MerchantId): Effect.Effect<void, SqlError>
    find(id: ApiKeyId): Effect.Effect<Option.Option<ApiKeyRow>, SqlError>
    findOwn(merchantId: MerchantId, id: ApiKeyId): Effect.Effect<Option.Option<ApiKeyRow>, SqlError>
    /** Newest first. */
    list(
      merchantId: MerchantId,
      page: { readonly before: ApiKeyId | undefined; readonly limit: number }
    ): Effect.Effect<ReadonlyArray<ApiKeyRow>, SqlError>
    countActive(merchantId: MerchantId, now: Date): Effect.Effect<number, SqlError>
    insert(row: Omit<ApiKeyRow, "lastUsedAt" | "revokedAt">): Effect.Effect<void, SqlError>
    revoke(id: ApiKeyId, now: Date): Effect.Effect<void, SqlError>
    /** Of each key those that are taken at `now`. */
    secrets(
      ids: ReadonlyArray<ApiKeyId>,
      now: Date
    ): Effect.Effect<ReadonlyMap<ApiKeyId, ReadonlyArray<SecretRow>>, SqlError>
    hasSecret(id: string): Effect.Effect<boolean, SqlError>
    insertSecret(row: SecretRow): Effect.Effect<void, SqlError>
    /** The current secret of the key, and all that would be taken longer, are taken until `at`. */
    endSecrets(id: ApiKeyId, at: Date): Effect.Effect<void, SqlError>
    note(id: ApiKeyId, change: ApiKeyChange): Effect.Effect<void, SqlError>
    /** The newest twenty of each, oldest first. */
    history(ids: ReadonlyArray<ApiKeyId>): Effect.Effect<ReadonlyMap<ApiKeyId, ReadonlyArray<ApiKeyChange>>, SqlError>
    /** Notes when keys were used last; an earlier time changes nothing. */
    noteUses(uses: ReadonlyMap<ApiKeyId, Date>): Effect.Effect<void, SqlError>
  }
>()("@mall/identity/machines/ApiKeyRepo") {
  static readonly layer = Layer.effect(
    ApiKeyRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const orDie = <A>(effect: Effect.Effect<A, SqlError | Schema.SchemaError>) =>
        Effect.catchTag(effect, "SchemaError", Effect.die)

      const select = SqlSchema.findOneOption({
        Request: ApiKeyId,
        Result: ApiKeyRow,
        execute: (id) => sql`SELECT * FROM identity.api_keys WHERE id = ${id}`
      })
      const selectOwn = SqlSchema.findOneOption({
        Request: Schema.Struct({ merchantId: MerchantId, id: ApiKeyId }),
        Result: ApiKeyRow,
        execute: ({ id, merchantId }) => sql`
          SELECT * FROM identity.api_keys WHERE id = ${id} AND merchant_id = ${merchantId}`
      })
      const selectPage = SqlSchema.findAll({
        Request: Schema.Struct({ merchantId: MerchantId, before: Schema.UndefinedOr(ApiKeyId), limit: Schema.Int }),
        Result: ApiKeyRow,
        execute: ({ before, limit, merchantId }) => sql`
          SELECT * FROM identity.api_keys
          WHERE merchant_id = ${merchantId} ${before === undefined ? sql`` : sql`AND api_keys.id < ${before}::uuid`}
          ORDER BY api_keys.id DESC LIMIT ${limit}`
      })
      const selectCount = SqlSchema.findAll({
        Request: Schema.Struct({ merchantId: MerchantId, now: Schema.Date }),
        Result: Schema.Struct({ id: ApiKeyId }),
        execute: ({ merchantId, now }) => sql`
          SELECT id FROM identity.api_keys
          WHERE merchant_id = ${merchantId} AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})`
      })
      const selectSecrets = SqlSchema.findAll({
        Request: Schema.Struct({ ids: Schema.Array(ApiKeyId), now: Schema.Date }),
        Result: SecretRow,
        execute: ({ ids, now }) => sql`
          SELECT * FROM identity.api_key_secrets
          WHERE key_id = ANY(${ids}::uuid[]) AND (ends_at IS NULL OR ends_at > ${now})
          ORDER BY api_key_secrets.created_at DESC, api_key_secrets.id DESC`
      })
      const selectSecret = SqlSchema.findOneOption({
        Request: Uuid7,
        Result: Schema.Struct({ id: Uuid7 }),
        execute: (id) => sql`SELECT id FROM identity.api_key_secrets WHERE id = ${id}`
      })
      const selectHistory = SqlSchema.findAll({
        Request: Schema.Array(ApiKeyId),
        Result: ChangeRow,
        execute: (ids) => sql`
          SELECT h.key_id, h.change, h.actor, h.reason, h.trace_id, h.at
          FROM unnest(${ids}::uuid[]) AS k(id)
          CROSS JOIN LATERAL (
            SELECT * FROM identity.api_key_history WHERE key_id = k.id
            ORDER BY api_key_history.id DESC LIMIT ${historyLimit}
          ) AS h
          ORDER BY h.id`
      })

      return ApiKeyRepo.of({
        lock: (merchantId) =>
          Effect.asVoid(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`identity.api_keys/${merchantId}`}, 0))`),
        find: (id) => orDie(select(id)),
        findOwn: (merchantId, id) => orDie(selectOwn({ merchantId, id })),
        list: (merchantId, page) => orDie(selectPage({ merchantId, ...page })),
        countActive: (merchantId, now) => Effect.map(orDie(selectCount({ merchantId, now })), ({ length }) => length),
        insert: (row) => Effect.asVoid(sql`INSERT INTO identity.api_keys ${sql.insert(row)}`),
        revoke: (id, now) => Effect.asVoid(sql`UPDATE identity.api_keys SET revoked_at = ${now} WHERE id = ${id}`),
        secrets: (ids, now) => Effect.map(orDie(selectSecrets({ ids, now })), groupByKey),
        hasSecret: (id) => Effect.map(orDie(selectSecret(id)), ({ _tag }) => _tag === "Some"),
        insertSecret: (row) => Effect.asVoid(sql`INSERT INTO identity.api_key_secrets ${sql.insert(row)}`),
        endSecrets: (id, at) =>
          Effect.asVoid(sql`
            UPDATE identity.api_key_secrets SET ends_at = ${at}
            WHERE key_id = ${id} AND (ends_at IS NULL OR ends_at > ${at})`),
        note: (keyId, change) =>
          Effect.asVoid(sql`INSERT INTO identity.api_key_history ${sql.insert({ keyId, ...change })}`),
        history: (ids) => Effect.map(orDie(selectHistory(ids)), groupByKey),
        noteUses: (uses) =>
          Effect.asVoid(sql`
            UPDATE identity.api_keys AS k SET last_used_at = GREATEST(k.last_used_at, u.at)
            FROM unnest(${[...uses.keys()]}::uuid[], ${Array.from(uses.values(), (at) => at.toISOString())}::timestamptz[])
              AS u(id, at)
            WHERE k.id = u.id`)
      })
    })
  )
}
