import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { retryLost } from "./lostConnection.ts"
import { retryConflicts } from "./retryConflicts.ts"
import { PersonalDataKeys } from "./sealing/PersonalDataKeys.ts"

/** The answer to a request, as it is kept and given again. Header names are in lower case. */
export interface StoredResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** A key that its holder may work under until the lease ends; `holder` tells it from one who takes the key over then. */
export interface Claim {
  readonly scope: string
  readonly key: string
  readonly operationId: string
  readonly holder: string
}

export interface Wanted {
  readonly scope: string
  readonly key: string
  readonly requestHash: string
  /** Whether a hash that is kept, and is another one, is of this request too; where it is not said, none is. */
  readonly isOf?: (stored: string) => boolean
  /** A fresh id: the operation's if the key is new (one that is taken over keeps its own), and the holder's in any case. */
  readonly operationId: string
}

const Running = Schema.Struct({ scope: Schema.String, key: Schema.String, requestHash: Schema.String })

const Row = Schema.Union([
  Schema.Struct({ ...Running.fields, outcome: Schema.Literal("claimed"), operationId: Schema.String }),
  Schema.Struct({ ...Running.fields, outcome: Schema.Literal("running") }),
  Schema.Struct({
    ...Running.fields,
    outcome: Schema.Literal("completed"),
    status: Schema.Int,
    headers: Schema.Record(Schema.String, Schema.String),
    body: Schema.Uint8Array,
    bodyKey: Schema.NullOr(Schema.String)
  })
])
export type Row = typeof Row.Type

const encodeHeaders = Schema.encodeSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))

/** Answers say again what was asked, and so are sealed. */
const placeOf = ({ key, scope }: { readonly scope: string; readonly key: string }) => ({
  table: "platform.idempotency_keys",
  column: "body",
  id: `${scope}\n${key}`
})

/**
 * The statements of `Idempotency`, each for many keys at once. None of their commits waits for the disk: what a claim
 * protects commits after it and takes it along, and a lost completion only makes a retry find its row by operation id.
 */
export class IdempotencyRepo extends Context.Service<
  IdempotencyRepo,
  {
    /**
     * Claims keys that are new, expired, or, with the same hash, held by the very claim or by one whose lease ended, and tells how
     * the others stand. The wanted are of different scope and key. One that another transaction decides at this moment may be missing.
     */
    claim(
      wanted: ReadonlyArray<Wanted>,
      times: { readonly now: Date; readonly leaseUntil: Date; readonly expiresAt: Date }
    ): Effect.Effect<ReadonlyArray<Row>, SqlError>
    complete(
      completed: ReadonlyArray<{ readonly claim: Claim; readonly response: StoredResponse }>
    ): Effect.Effect<void, SqlError>
    endLease(claim: Claim): Effect.Effect<void, SqlError>
    remove(claim: Claim): Effect.Effect<void, SqlError>
    /** Deletes up to `limit` rows that expired before `now`, and tells how many. */
    purge(now: Date, limit: number): Effect.Effect<number, SqlError>
  }
>()("@mall/platform/IdempotencyRepo") {
  static readonly layerNoDeps = Layer.effect(
    IdempotencyRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Row))

      const claim: IdempotencyRepo["Service"]["claim"] = Effect.fnUntraced(
        function* (wanted, { expiresAt, leaseUntil, now }) {
          const column = (name: Exclude<keyof Wanted, "isOf">) => wanted.map((each) => each[name])
          // Rows are locked in the order of the key, so that two groups never wait for each other.
          const rows = yield* sql`
            WITH wanted AS (
              SELECT * FROM unnest(
                ${column("scope")}::text[], ${column("key")}::text[], ${column("requestHash")}::text[],
                ${column("operationId")}::uuid[]
              ) AS given (scope, key, request_hash, operation_id)
              WHERE set_config('synchronous_commit', 'off', true) = 'off'
            ), claimed AS (
              INSERT INTO platform.idempotency_keys AS kept
                (scope, key, request_hash, operation_id, holder, state, lease_until, created_at, expires_at)
              SELECT scope, key, request_hash, operation_id, operation_id, 'running', ${leaseUntil}, ${now}, ${expiresAt}
              FROM wanted ORDER BY scope, key
              ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE SET
                request_hash = excluded.request_hash,
                operation_id = CASE WHEN kept.expires_at <= ${now} THEN excluded.operation_id ELSE kept.operation_id END,
                holder = excluded.holder, state = 'running', lease_until = excluded.lease_until,
                status = NULL, headers = NULL, body = NULL, body_key = NULL,
                created_at = excluded.created_at, expires_at = excluded.expires_at
              WHERE kept.expires_at <= ${now}
                OR (kept.state = 'running' AND (kept.lease_until <= ${now} OR kept.holder = excluded.holder)
                  AND kept.request_hash = excluded.request_hash)
              RETURNING scope, key, request_hash, operation_id
            )
            SELECT scope, key, request_hash, 'claimed' AS outcome, operation_id,
              NULL::int AS status, NULL::jsonb AS headers, NULL::bytea AS body, NULL::text AS body_key
            FROM claimed
            UNION ALL
            SELECT kept.scope, kept.key, kept.request_hash, kept.state, kept.operation_id,
              kept.status, kept.headers, kept.body, kept.body_key
            FROM wanted JOIN platform.idempotency_keys AS kept USING (scope, key)
            WHERE NOT EXISTS (SELECT FROM claimed WHERE claimed.scope = kept.scope AND claimed.key = kept.key)`
          return yield* Effect.forEach(yield* Effect.orDie(decodeRows(rows)), openBody)
        },
        retryConflicts,
        retryLost
      )

      const openBody = Effect.fnUntraced(function* (row: Row) {
        if (row.outcome !== "completed" || row.bodyKey === null) return row
        const body = yield* Effect.orDie(keys.open({ keyId: row.bodyKey, bytes: row.body }, placeOf(row)))
        return { ...row, body }
      })

      const complete: IdempotencyRepo["Service"]["complete"] = Effect.fnUntraced(
        function* (completed) {
          const claims = completed.map((each) => each.claim)
          const responses = completed.map((each) => each.response)
          const sealed = completed.map(({ claim, response }) => keys.seal(response.body, placeOf(claim)))
          yield* sql`
          UPDATE platform.idempotency_keys AS kept
          SET state = 'completed', status = given.status, headers = given.headers::jsonb, body = given.body,
            body_key = given.body_key
          FROM unnest(
            ${claims.map(({ scope }) => scope)}::text[], ${claims.map(({ key }) => key)}::text[],
            ${claims.map(({ holder }) => holder)}::uuid[],
            ${responses.map(({ status }) => status)}::int[],
            ${responses.map(({ headers }) => encodeHeaders(headers))}::text[],
            ${sealed.map(({ bytes }) => bytes)}::bytea[], ${sealed.map(({ keyId }) => keyId)}::text[]
          ) AS given (scope, key, holder, status, headers, body, body_key)
          WHERE kept.scope = given.scope AND kept.key = given.key AND kept.holder = given.holder
            AND kept.state = 'running' AND set_config('synchronous_commit', 'off', true) = 'off'`
        },
        retryConflicts,
        retryLost
      )

      const isHeldBy = ({ holder, key, scope }: Claim) =>
        sql`scope = ${scope} AND key = ${key} AND holder = ${holder} AND state = 'running'`

      const endLease: IdempotencyRepo["Service"]["endLease"] = Effect.fnUntraced(function* (claim) {
        // a claim whose holder died keeps a later end, by which the doctor tells the two apart
        yield* sql`UPDATE platform.idempotency_keys SET lease_until = created_at WHERE ${isHeldBy(claim)}`
      }, retryLost)

      const remove: IdempotencyRepo["Service"]["remove"] = Effect.fnUntraced(function* (claim) {
        yield* sql`DELETE FROM platform.idempotency_keys WHERE ${isHeldBy(claim)}`
      }, retryLost)

      const deleteExpired = SqlSchema.findOne({
        Request: Schema.Struct({ now: Schema.Date, limit: Schema.Int }),
        Result: Schema.Struct({ count: Schema.Int }),
        execute: ({ limit, now }) => sql`
          WITH expired AS (
            SELECT scope, key FROM platform.idempotency_keys WHERE expires_at <= ${now}
            ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ), deleted AS (
            DELETE FROM platform.idempotency_keys AS kept USING expired
            WHERE kept.scope = expired.scope AND kept.key = expired.key RETURNING 1
          )
          SELECT count(*) AS count FROM deleted`
      })

      const purge: IdempotencyRepo["Service"]["purge"] = Effect.fnUntraced(
        function* (now, limit) {
          return (yield* deleteExpired({ now, limit })).count
        },
        Effect.catchTags({ SchemaError: Effect.die, NoSuchElementError: Effect.die })
      )

      return IdempotencyRepo.of({ claim, complete, endLease, remove, purge })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(PersonalDataKeys.layer))
}
