import { UserId } from "@mall/domain/identity/CurrentUser"
import { ProviderIdentity, ProviderName } from "@mall/domain/identity/ProviderSignIn"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import type { Option } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** A sign-in under way; `userId` is the account that is to be linked, if one is. */
const SignInRow = Schema.Struct({
  stateHash: Schema.Uint8Array,
  browserHash: Schema.Uint8Array,
  provider: ProviderName,
  userId: Schema.NullOr(UserId),
  endsAt: Schema.Date
})
export type SignInRow = typeof SignInRow.Type

const IdentityRow = Schema.Struct({
  ...ProviderIdentity.fields,
  subject: Schema.String,
  userId: UserId,
  openedAccount: Schema.Boolean
})
export type IdentityRow = typeof IdentityRow.Type

/** Sign-ins under way, and which account of a provider is which account here. */
export class ProviderRepo extends Context.Service<
  ProviderRepo,
  {
    begin(row: SignInRow): Effect.Effect<void, SqlError>
    /** Takes the sign-in away, so that it comes to an end once. */
    take(stateHash: Uint8Array): Effect.Effect<Option.Option<SignInRow>, SqlError>
    /** Deletes up to `limit` that nobody came back from; answers how many. */
    purge(limit: number): Effect.Effect<number>
    find(issuer: string, subject: string): Effect.Effect<Option.Option<IdentityRow>, SqlError>
    /** False where one of the two is linked already. */
    link(row: IdentityRow): Effect.Effect<boolean, SqlError>
    list(userId: UserId): Effect.Effect<ReadonlyArray<IdentityRow>, SqlError>
    /** Where this one opened the account, the others stand for it from now on. */
    unlink(userId: UserId, provider: ProviderName): Effect.Effect<void, SqlError>
    /** Whether a session of the user was ended after `since`. */
    hasEndedSessions(userId: UserId, since: Date): Effect.Effect<boolean, SqlError>
    noteLogin(userId: UserId, now: Date): Effect.Effect<void, SqlError>
  }
>()("@mall/identity/providers/ProviderRepo") {
  static readonly layer = Layer.effect(
    ProviderRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const orDie = <A>(effect: Effect.Effect<A, SqlError | Schema.SchemaError>) =>
        Effect.catchTag(effect, "SchemaError", Effect.die)

      const takeOne = SqlSchema.findOneOption({
        Request: Schema.Uint8Array,
        Result: SignInRow,
        execute: (hash) => sql`DELETE FROM identity.provider_sign_ins WHERE state_hash = ${hash} RETURNING *`
      })
      const purgeEnded = SqlSchema.findAll({
        Request: Schema.Struct({ limit: Schema.Int, now: Schema.Date }),
        Result: Schema.Struct({ provider: ProviderName }),
        execute: ({ limit, now }) => sql`
          DELETE FROM identity.provider_sign_ins WHERE state_hash IN (
            SELECT state_hash FROM identity.provider_sign_ins WHERE ends_at < ${now}
            ORDER BY provider_sign_ins.ends_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ) RETURNING provider`
      })
      const findOne = SqlSchema.findOneOption({
        Request: Schema.Struct({ issuer: Schema.String, subject: Schema.String }),
        Result: IdentityRow,
        execute: ({ issuer, subject }) => sql`
          SELECT * FROM identity.provider_identities WHERE issuer = ${issuer} AND subject = ${subject}`
      })
      const insert = SqlSchema.findOneOption({
        Request: IdentityRow,
        Result: Schema.Struct({ userId: UserId }),
        execute: (row) => sql`
          INSERT INTO identity.provider_identities ${sql.insert(row)} ON CONFLICT DO NOTHING RETURNING user_id`
      })
      const select = SqlSchema.findAll({
        Request: UserId,
        Result: IdentityRow,
        execute: (userId) => sql`
          SELECT * FROM identity.provider_identities WHERE user_id = ${userId} ORDER BY provider_identities.provider`
      })

      return ProviderRepo.of({
        begin: (row) => Effect.asVoid(sql`INSERT INTO identity.provider_sign_ins ${sql.insert(row)}`),
        take: (stateHash) => orDie(takeOne(stateHash)),
        purge: Effect.fn("ProviderRepo.purge")(function* (limit: number) {
          return (yield* purgeEnded({ limit, now: yield* DateTime.nowAsDate })).length
        }, Effect.orDie),
        find: (issuer, subject) => orDie(findOne({ issuer, subject })),
        link: (row) => Effect.map(orDie(insert(row)), ({ _tag }) => _tag === "Some"),
        list: (userId) => orDie(select(userId)),
        unlink: (userId, provider) =>
          Effect.asVoid(sql`
            WITH unlinked AS (
              DELETE FROM identity.provider_identities WHERE user_id = ${userId} AND provider = ${provider}
              RETURNING opened_account
            )
            UPDATE identity.provider_identities SET opened_account = true
            WHERE user_id = ${userId} AND provider <> ${provider} AND EXISTS (SELECT FROM unlinked WHERE opened_account)`),
        hasEndedSessions: (userId, since) =>
          Effect.map(
            sql`SELECT 1 FROM identity.sessions WHERE user_id = ${userId} AND revoked_at >= ${since} LIMIT 1`,
            (rows) => rows.length > 0
          ),
        noteLogin: (userId, now) =>
          Effect.asVoid(sql`UPDATE identity.users SET last_login_at = ${now} WHERE id = ${userId}`)
      })
    })
  )
}
