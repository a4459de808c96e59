import { ApiKeyId } from "@mall/domain/identity/ApiKey"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** The nonces of signed requests, which all processes share and no restart forgets. */
export class RequestNonces extends Context.Service<
  RequestNonces,
  {
    /** Whether nobody used the nonce under this key before; from now on somebody has. It is kept until `endsAt` at least. */
    claim(keyId: ApiKeyId, nonce: string, endsAt: Date): Effect.Effect<boolean>
    /** Deletes up to `limit` that ended; answers how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/identity/machines/RequestNonces") {
  static readonly layer = Layer.effect(
    RequestNonces,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const Nonce = Schema.Struct({ nonce: Schema.String })

      const insert = SqlSchema.findOneOption({
        Request: Schema.Struct({ keyId: ApiKeyId, nonce: Schema.String, endsAt: Schema.Date }),
        Result: Nonce,
        execute: (row) => sql`
          INSERT INTO identity.request_nonces ${sql.insert(row)} ON CONFLICT DO NOTHING RETURNING nonce`
      })
      const deleteEnded = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, limit: Schema.Int }),
        Result: Nonce,
        execute: ({ limit, now }) => sql`
          DELETE FROM identity.request_nonces WHERE (key_id, nonce) IN (
            SELECT key_id, nonce FROM identity.request_nonces WHERE ends_at < ${now}
            ORDER BY request_nonces.ends_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ) RETURNING nonce`
      })

      return RequestNonces.of({
        claim: Effect.fn("RequestNonces.claim")(
          (keyId: ApiKeyId, nonce: string, endsAt: Date) => Effect.map(insert({ keyId, nonce, endsAt }), Option.isSome),
          Effect.orDie
        ),
        purge: Effect.fn("RequestNonces.purge")(function* (limit: number) {
          return (yield* deleteEnded({ now: yield* DateTime.nowAsDate, limit })).length
        }, Effect.orDie)
      })
    })
  )
}
