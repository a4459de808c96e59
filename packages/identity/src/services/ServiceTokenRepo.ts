import { ServiceName } from "@mall/domain/identity/ServiceName"
import { ServiceTokenId } from "@mall/domain/identity/ServiceToken"
import { Context, Effect, Layer, Schema } from "effect"
import type { Option } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** Chosen once and for ever: whoever changes service tokens takes this advisory lock. */
const lockKey = 7_301_120_263

/** A row of `identity.service_tokens`. */
export const ServiceTokenRow = Schema.Struct({
  id: ServiceTokenId,
  callingService: ServiceName,
  calledService: ServiceName,
  hash: Schema.Uint8Array,
  createdAt: Schema.Date,
  createdBy: Schema.String,
  expiresAt: Schema.Date,
  revokedAt: Schema.NullOr(Schema.Date)
})
export type ServiceTokenRow = typeof ServiceTokenRow.Type

/** One service that calls another. */
export interface Pair {
  readonly callingService: ServiceName
  readonly calledService: ServiceName
}

/** The statements on the table of service tokens. They join the transaction they run in. */
export class ServiceTokenRepo extends Context.Service<
  ServiceTokenRepo,
  {
    /** Lets one change of service tokens happen at a time. Needs a transaction. */
    readonly lock: Effect.Effect<void, SqlError>
    find(id: ServiceTokenId): Effect.Effect<Option.Option<ServiceTokenRow>, SqlError>
    /** Newest first. */
    list(page: {
      readonly before: ServiceTokenId | undefined
      readonly limit: number
    }): Effect.Effect<ReadonlyArray<ServiceTokenRow>, SqlError>
    /** Those that are good at `now`, of all services. */
    active(now: Date): Effect.Effect<ReadonlyArray<ServiceTokenRow>, SqlError>
    insert(row: ServiceTokenRow): Effect.Effect<void, SqlError>
    /** The token ends at `at`, where it would have been good longer. */
    endAt(id: ServiceTokenId, at: Date): Effect.Effect<void, SqlError>
    revoke(id: ServiceTokenId, now: Date): Effect.Effect<void, SqlError>
  }
>()("@mall/identity/services/ServiceTokenRepo") {
  static readonly layer = Layer.effect(
    ServiceTokenRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const orDie = <A>(effect: Effect.Effect<A, SqlError | Schema.SchemaError>) =>
        Effect.catchTag(effect, "SchemaError", Effect.die)

      const select = SqlSchema.findOneOption({
        Request: ServiceTokenId,
        Result: ServiceTokenRow,
        execute: (id) => sql`SELECT * FROM identity.service_tokens WHERE id = ${id}`
      })
      const selectPage = SqlSchema.findAll({
        Request: Schema.Struct({ before: Schema.UndefinedOr(ServiceTokenId), limit: Schema.Int }),
        Result: ServiceTokenRow,
        execute: ({ before, limit }) => sql`
          SELECT * FROM identity.service_tokens
          WHERE ${before === undefined ? sql`true` : sql`id < ${before}`}
          ORDER BY service_tokens.id DESC
          LIMIT ${limit}
        `
      })
      const selectActive = SqlSchema.findAll({
        Request: Schema.Date,
        Result: ServiceTokenRow,
        execute: (now) => sql`
          SELECT * FROM identity.service_tokens WHERE revoked_at IS NULL AND expires_at > ${now} ORDER BY service_tokens.id
        `
      })

      return ServiceTokenRepo.of({
        lock: Effect.asVoid(sql`SELECT pg_advisory_xact_lock(${lockKey}::bigint)`),
        find: (id) => orDie(select(id)),
        list: (page) => orDie(selectPage(page)),
        active: (now) => orDie(selectActive(now)),
        insert: (row) =>
          Effect.asVoid(sql`
            INSERT INTO identity.service_tokens
              (id, calling_service, called_service, hash, created_at, created_by, expires_at, revoked_at)
            VALUES (
              ${row.id}, ${row.callingService}, ${row.calledService}, ${row.hash}, ${row.createdAt}, ${row.createdBy},
              ${row.expiresAt}, ${row.revokedAt}
            )
          `),
        endAt: (id, at) =>
          Effect.asVoid(
            sql`UPDATE identity.service_tokens SET expires_at = ${at} WHERE id = ${id} AND expires_at > ${at}`
          ),
        revoke: (id, now) => Effect.asVoid(sql`UPDATE identity.service_tokens SET revoked_at = ${now} WHERE id = ${id}`)
      })
    })
  )
}
