import { SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { Clock, Config, Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { accessTokenLifetime } from "./accessTokenLifetime.ts"

/** What decides whether a token whose signature is good was ended before its time. */
export interface TokenSubject {
  readonly userId: UserId
  readonly sessionId: SessionId
  /** The user's `token_version` when the token was issued; a higher one ended it. */
  readonly version: number
}

/**
 * Which tokens were ended before they expired, in memory. A session ends by logout, revocation or password change; all of a
 * user's tokens end by ban, change of role, deletion or logout everywhere, which raise the user's token version.
 * Whatever a token could still be good for is remembered; what has expired by itself is forgotten.
 *
 * `IdentityListener` keeps it current. While that is not connected the memory proves nothing: `status` is `unknown`.
 */
export class Revocations extends Context.Service<
  Revocations,
  {
    /** Without I/O: it is asked at every request. */
    status(subject: TokenSubject): "good" | "ended" | "unknown"
    /** The same, read from the database. */
    confirm(subject: TokenSubject): Effect.Effect<boolean>
    /** Applies what this process did or heard of, in any order and any number of times. */
    endSession(sessionId: SessionId): void
    raiseVersion(userId: UserId, version: number): void
    /** Reads what ended lately and forgets what has expired. */
    readonly reload: Effect.Effect<void, SqlError>
    /** Whether every change is being heard of: set after a reload that followed the subscription. */
    setConnected(connected: boolean): void
  }
>()("@mall/identity/tokens/Revocations") {
  static readonly layer = Layer.effect(
    Revocations,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const clock = yield* Clock.Clock
      const lifetime = yield* accessTokenLifetime
      const fallback = yield* Config.Literals(["database", "trust"], "REVOCATION_FALLBACK").pipe(
        Config.withDefault("database" as const)
      )
      // a minute for clocks that differ between machines
      const memory = Duration.toMillis(lifetime) + 60_000

      let connected = false
      /** Each with the time from which it may be forgotten, in milliseconds. */
      const sessions = new Map<string, number>()
      const versions = new Map<string, { readonly version: number; readonly until: number }>()

      const endSession = (sessionId: SessionId) => {
        sessions.set(sessionId, clock.currentTimeMillisUnsafe() + memory)
      }

      const raiseVersion = (userId: UserId, version: number) => {
        const known = versions.get(userId)
        if (known !== undefined && known.version >= version) return
        versions.set(userId, { version, until: clock.currentTimeMillisUnsafe() + memory })
      }

      const status = ({ userId, sessionId, version }: TokenSubject) => {
        if (sessions.has(sessionId)) return "ended" as const
        const raised = versions.get(userId)
        if (raised !== undefined && raised.version > version) return "ended" as const
        return connected || fallback === "trust" ? ("good" as const) : ("unknown" as const)
      }

      const selectGood = SqlSchema.findOneOption({
        Request: Schema.Struct({ userId: UserId, sessionId: SessionId, version: Schema.Int }),
        Result: Schema.Struct({ id: SessionId }),
        execute: ({ userId, sessionId, version }) => sql`
          SELECT s.id FROM identity.sessions s JOIN identity.users u ON u.id = s.user_id
          WHERE s.id = ${sessionId} AND u.id = ${userId} AND s.revoked_at IS NULL AND u.token_version = ${version}
        `
      })
      const confirm = Effect.fn("Revocations.confirm")(
        (subject: TokenSubject) => Effect.map(selectGood(subject), (row) => row._tag === "Some"),
        Effect.orDie
      )

      const selectSessions = SqlSchema.findAll({
        Request: Schema.Date,
        Result: Schema.Struct({ id: SessionId }),
        execute: (since) => sql`SELECT id FROM identity.sessions WHERE revoked_at > ${since}`
      })
      const selectVersions = SqlSchema.findAll({
        Request: Schema.Date,
        Result: Schema.Struct({ id: UserId, tokenVersion: Schema.Int }),
        execute: (since) => sql`
          SELECT id, token_version FROM identity.users WHERE token_version > 0 AND token_version_at > ${since}
        `
      })

      const reload = Effect.gen(function* () {
        const now = yield* DateTime.now
        const since = DateTime.toDateUtc(DateTime.subtract(now, { milliseconds: memory }))
        for (const { id } of yield* selectSessions(since)) endSession(id)
        for (const { id, tokenVersion } of yield* selectVersions(since)) raiseVersion(id, tokenVersion)
        const millis = DateTime.toEpochMillis(now)
        for (const [id, until] of sessions) if (until < millis) sessions.delete(id)
        for (const [id, { until }] of versions) if (until < millis) versions.delete(id)
      }).pipe(Effect.catchTag("SchemaError", Effect.die))

      return Revocations.of({
        status,
        confirm,
        endSession,
        raiseVersion,
        reload,
        setConnected: (value) => {
          connected = value
        }
      })
    })
  )
}
