import { SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { Session } from "@mall/domain/identity/User"
import type { ClientKind } from "@mall/domain/identity/User"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { sealedFields } from "@mall/platform/sealing/PersonalDataTable"
import { Context, Effect, Layer, Option, Schema, Struct } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { openTrace, sealTrace } from "./sessionTraces.ts"

const StoredSession = Schema.Struct({
  ...Struct.omit(Session.fields, ["current"]),
  userId: UserId,
  familyHash: Schema.Uint8Array,
  tokenHash: Schema.Uint8Array,
  previousTokenHash: Schema.NullOr(Schema.Uint8Array),
  rotatedAt: Schema.NullOr(Schema.Date),
  revokedAt: Schema.NullOr(Schema.Date)
})
export type StoredSession = typeof StoredSession.Type

const SealedSession = Schema.Struct({ ...StoredSession.fields, ...sealedFields })

export const SessionProof = Schema.Literals(["password", "mfa"])
export type SessionProof = typeof SessionProof.Type

export interface NewSession {
  readonly id: SessionId
  readonly userId: UserId
  readonly client: ClientKind
  readonly deviceId: string | null
  readonly userAgent: string | null
  readonly ip: string | null
  readonly familyHash: Uint8Array
  readonly tokenHash: Uint8Array
  /** What the user has just proved to be the owner with, if anything. */
  readonly proof: SessionProof | null
  readonly now: Date
  readonly expiresAt: Date
}

export interface Rotation {
  readonly tokenHash: Uint8Array
  readonly previousTokenHash: Uint8Array
  readonly deviceId: string | null
  readonly ip: string | null
  readonly userAgent: string | null
  readonly now: Date
  readonly expiresAt: Date
}

/** The statements on `identity.sessions`. They join the transaction they run in. */
export class SessionRepo extends Context.Service<
  SessionRepo,
  {
    insert(session: NewSession): Effect.Effect<void, SqlError>
    /** Locks the session until the transaction ends. */
    lock(id: SessionId): Effect.Effect<Option.Option<StoredSession>, SqlError>
    rotate(id: SessionId, rotation: Rotation): Effect.Effect<void, SqlError>
    /** Ends one session of the user; false where there is none, or it was ended before. */
    revoke(userId: UserId, id: SessionId, now: Date): Effect.Effect<boolean, SqlError>
    /** Ends all sessions of the user but `except`; answers with those it ended. */
    revokeAll(userId: UserId, now: Date, except: SessionId | null): Effect.Effect<Array<SessionId>, SqlError>
    /** Forgets where the user's sessions were. */
    eraseTraces(userId: UserId): Effect.Effect<void, SqlError>
    /** Open sessions, newest first, `limit` at most, those before `before`. */
    list(
      userId: UserId,
      page: { readonly now: Date; readonly before: SessionId | undefined; readonly limit: number }
    ): Effect.Effect<Array<StoredSession>, SqlError>
    /** Open sessions, the last used first, `limit` at most. */
    lastUsed(userId: UserId, now: Date, limit: number): Effect.Effect<Array<StoredSession>, SqlError>
    /** Deletes up to `limit` sessions that ended or expired before `before`; answers how many. */
    purge(before: Date, limit: number): Effect.Effect<number, SqlError>
  }
>()("@mall/identity/tokens/SessionRepo") {
  static readonly layerNoDeps = Layer.effect(
    SessionRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const seal = sealTrace(keys)
      const openSession = ({ personalData, personalDataKey, ...session }: typeof SealedSession.Type) =>
        Effect.map(openTrace(keys, { ...session, personalData, personalDataKey }), (trace) => ({
          ...session,
          ...trace
        }))
      const Id = Schema.Struct({ id: SessionId })

      const insert = Effect.fn("SessionRepo.insert")(({ now, ...session }: NewSession) => {
        const provedAt = session.proof === null ? null : now
        const row = { ...session, ...seal(session.id, session), provedAt, createdAt: now, lastUsedAt: now }
        return sql`INSERT INTO identity.sessions ${sql.insert(row)}`
      }, Effect.asVoid)

      const selectForUpdate = SqlSchema.findOneOption({
        Request: SessionId,
        Result: SealedSession,
        execute: (id) => sql`SELECT * FROM identity.sessions WHERE id = ${id} FOR UPDATE`
      })
      const lock = Effect.fn("SessionRepo.lock")(
        (id: SessionId) =>
          Effect.flatMap(
            selectForUpdate(id),
            Option.match({ onNone: () => Effect.succeedNone, onSome: (row) => Effect.asSome(openSession(row)) })
          ),
        Effect.catchTag("SchemaError", Effect.die)
      )

      const rotate = Effect.fn("SessionRepo.rotate")((id: SessionId, { now, ...rotation }: Rotation) => {
        const row = { ...rotation, ...seal(id, rotation), rotatedAt: now, lastUsedAt: now }
        return sql`UPDATE identity.sessions SET ${sql.update(row)} WHERE id = ${id}`
      }, Effect.asVoid)

      const revokeOpen = SqlSchema.findAll({
        Request: Schema.Struct({
          userId: UserId,
          now: Schema.Date,
          only: Schema.NullOr(SessionId),
          except: Schema.NullOr(SessionId)
        }),
        Result: Id,
        execute: ({ userId, now, only, except }) => sql`
          UPDATE identity.sessions SET revoked_at = ${now}
          WHERE user_id = ${userId} AND revoked_at IS NULL
            AND (${only}::uuid IS NULL OR id = ${only}::uuid) AND (${except}::uuid IS NULL OR id <> ${except}::uuid)
          RETURNING id
        `
      })
      const revoke = Effect.fn("SessionRepo.revoke")(
        (userId: UserId, id: SessionId, now: Date) => revokeOpen({ userId, now, only: id, except: null }),
        Effect.map((rows) => rows.length > 0),
        Effect.catchTag("SchemaError", Effect.die)
      )
      const revokeAll = Effect.fn("SessionRepo.revokeAll")(
        (userId: UserId, now: Date, except: SessionId | null) => revokeOpen({ userId, now, only: null, except }),
        Effect.map((rows) => rows.map(({ id }) => id)),
        Effect.catchTag("SchemaError", Effect.die)
      )

      const eraseTraces = Effect.fn("SessionRepo.eraseTraces")(
        (userId: UserId) => sql`
          UPDATE identity.sessions
          SET ip = NULL, personal_data = NULL, personal_data_key = NULL, user_agent = NULL, device_id = NULL,
            device_digest = NULL
          WHERE user_id = ${userId}
        `,
        Effect.asVoid
      )

      const select = SqlSchema.findAll({
        Request: Schema.Struct({
          userId: UserId,
          now: Schema.Date,
          before: Schema.UndefinedOr(SessionId),
          limit: Schema.Int
        }),
        Result: SealedSession,
        execute: ({ userId, now, before, limit }) => sql`
          SELECT * FROM identity.sessions
          WHERE user_id = ${userId} AND revoked_at IS NULL AND expires_at > ${now}
            ${before === undefined ? sql`` : sql`AND sessions.id < ${before}::uuid`}
          ORDER BY sessions.id DESC LIMIT ${limit}
        `
      })
      const list = Effect.fn("SessionRepo.list")(
        (
          userId: UserId,
          page: { readonly now: Date; readonly before: SessionId | undefined; readonly limit: number }
        ) => Effect.flatMap(select({ userId, ...page }), Effect.forEach(openSession)),
        Effect.catchTag("SchemaError", Effect.die)
      )

      const selectLastUsed = SqlSchema.findAll({
        Request: Schema.Struct({ userId: UserId, now: Schema.Date, limit: Schema.Int }),
        Result: SealedSession,
        execute: ({ limit, now, userId }) => sql`
          SELECT * FROM identity.sessions
          WHERE user_id = ${userId} AND revoked_at IS NULL AND expires_at > ${now}
          ORDER BY sessions.last_used_at DESC, sessions.id DESC LIMIT ${limit}
        `
      })
      const lastUsed = Effect.fn("SessionRepo.lastUsed")(
        (userId: UserId, now: Date, limit: number) =>
          Effect.flatMap(selectLastUsed({ userId, now, limit }), Effect.forEach(openSession)),
        Effect.catchTag("SchemaError", Effect.die)
      )

      const remove = SqlSchema.findAll({
        Request: Schema.Struct({ before: Schema.Date, limit: Schema.Int }),
        Result: Id,
        execute: ({ before, limit }) => sql`
          DELETE FROM identity.sessions WHERE id IN (
            SELECT id FROM identity.sessions WHERE expires_at < ${before} OR revoked_at < ${before}
            LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ) RETURNING id
        `
      })
      const purge = Effect.fn("SessionRepo.purge")(
        (before: Date, limit: number) => remove({ before, limit }),
        Effect.map((rows) => rows.length),
        Effect.catchTag("SchemaError", Effect.die)
      )

      return SessionRepo.of({ insert, lock, rotate, revoke, revokeAll, eraseTraces, list, lastUsed, purge })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(PersonalDataKeys.layer))
}
