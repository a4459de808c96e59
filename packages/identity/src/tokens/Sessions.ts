import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { SessionId } from "@mall/domain/identity/CurrentUser"
import type { Principal, UserId } from "@mall/domain/identity/CurrentUser"
import {
  AccountBanned,
  RefreshTokenInvalid,
  RefreshTokenReused,
  SessionNotFound
} from "@mall/domain/identity/IdentityError"
import type { ClientKind, RefreshToken, Session, SessionDevice, TokenPair } from "@mall/domain/identity/User"
import { generator } from "@mall/domain/kernel/Id"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Config, Context, DateTime, Duration, Effect, Layer, Option, Struct } from "effect"
import { Digest, Mac, SecureRandom } from "effect/crypto"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { AccessTokens } from "./AccessTokens.ts"
import { AccountEvents } from "../users/AccountEvents.ts"
import type { Origin } from "../signin/Origin.ts"
import * as refreshToken from "./refreshToken.ts"
import { Revocations } from "./Revocations.ts"
import { SessionRepo } from "./SessionRepo.ts"
import { sessionDevices } from "./sessionDevices.ts"
import type { SessionProof, StoredSession } from "./SessionRepo.ts"
import { toUser } from "../users/toUser.ts"
import { UserRepo } from "../users/UserRepo.ts"
import type { StoredUser } from "../users/StoredUser.ts"

const newSessionId = generator(SessionId)
const cursor = cursorOf(SessionId)

/** Who has more looks through the sessions themselves. */
const maxDevices = 100
const maxSessionsOfDevices = 1_000

/** What a transaction found out about a refresh token. Failing inside it would undo the revocation of a stolen family. */
type Refreshed =
  | { readonly outcome: "rotated"; readonly user: StoredUser; readonly session: StoredSession; readonly token: string }
  | { readonly outcome: "reused"; readonly ended: boolean }
  | { readonly outcome: "invalid" | "banned" }

/**
 * Where users are signed in. A session is a family of refresh tokens, each good for one use: a second use of one means that two
 * hold it, so the session ends for both. Of two uses at the same moment one wins, and the other is the second use.
 */
export class Sessions extends Context.Service<
  Sessions,
  {
    /** Opens a session in the caller's transaction, for a user whose right to sign in the caller has checked. */
    open(
      user: StoredUser,
      options: {
        readonly client: ClientKind
        readonly deviceId: string | null
        readonly origin: Origin
        /** What the user has just proved to be the owner with; nothing where another party vouches for them. */
        readonly proof: SessionProof | null
      }
    ): Effect.Effect<TokenPair, SqlError>
    refresh(
      token: RefreshToken,
      origin: Origin
    ): Effect.Effect<TokenPair, RefreshTokenInvalid | RefreshTokenReused | AccountBanned>
    /** Ends the caller's own session. Ending it twice is no error. */
    end(principal: Principal): Effect.Effect<void>
    list(
      principal: Principal,
      page: { readonly limit?: number; readonly after?: string }
    ): Effect.Effect<Page<Session>, InvalidCursor>
    /** The same by device, the last used first. */
    devices(principal: Principal): Effect.Effect<ReadonlyArray<SessionDevice>>
    revoke(principal: Principal, sessionId: SessionId): Effect.Effect<void, SessionNotFound>
    /** Deletes up to `limit` sessions that ended or expired more than `SESSION_RETENTION` ago; answers how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/identity/tokens/Sessions") {
  static readonly layerNoDeps = Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const sessions = yield* SessionRepo
      const users = yield* UserRepo
      const events = yield* AccountEvents
      const tokens = yield* AccessTokens
      const revocations = yield* Revocations
      const random = yield* SecureRandom.SecureRandom
      const digest = yield* Digest.Digest
      const lifetimes: Record<ClientKind, Duration.Duration> = yield* Config.all({
        web: Config.Duration("REFRESH_TOKEN_LIFETIME_WEB").pipe(Config.withDefault(Duration.days(7))),
        app: Config.Duration("REFRESH_TOKEN_LIFETIME_APP").pipe(Config.withDefault(Duration.days(30))),
        high_security: Config.Duration("REFRESH_TOKEN_LIFETIME_HIGH_SECURITY").pipe(
          Config.withDefault(Duration.days(1))
        )
      })
      // Two tabs may refresh with one token at the same moment. Within the grace the later one is refused without ending
      // the session. None by default: a thief is as quick as a tab.
      const reuseGrace = yield* Config.Duration("REFRESH_TOKEN_REUSE_GRACE").pipe(Config.withDefault(Duration.zero))
      const retention = yield* Config.Duration("SESSION_RETENTION").pipe(Config.withDefault(Duration.days(30)))

      const sha256 = (bytes: Uint8Array) => Effect.orDie(digest.digest(Digest.sha256, bytes))
      const expiryOf = (now: DateTime.Utc, client: ClientKind) =>
        DateTime.toDateUtc(DateTime.addDuration(now, lifetimes[client]))

      const pairOf = Effect.fnUntraced(function* (user: StoredUser, sessionId: SessionId, token: string) {
        const access = yield* tokens.issue({
          userId: user.id,
          sessionId,
          version: user.tokenVersion,
          roles: user.roles,
          shopRoles: user.shopRoles,
          merchantId: user.merchantId
        })
        return {
          accessToken: access.token,
          refreshToken: token,
          tokenType: "Bearer" as const,
          expiresIn: access.expiresIn,
          user: yield* toUser(user)
        }
      })

      const open: Sessions["Service"]["open"] = Effect.fn("Sessions.open")(function* (user, options) {
        const now = yield* DateTime.now
        const id = yield* newSessionId
        const family = yield* random.randomBytes(refreshToken.lengths.family)
        const secret = yield* random.randomBytes(refreshToken.lengths.secret)
        yield* sessions.insert({
          id,
          userId: user.id,
          client: options.client,
          deviceId: options.deviceId,
          ...options.origin,
          familyHash: yield* sha256(family),
          tokenHash: yield* sha256(secret),
          proof: options.proof,
          now: DateTime.toDateUtc(now),
          expiresAt: expiryOf(now, options.client)
        })
        return yield* pairOf(user, id, refreshToken.encode({ sessionId: id, family, secret }))
      })

      const decideReuse = Effect.fnUntraced(function* (session: StoredSession, hash: Uint8Array, now: DateTime.Utc) {
        const { previousTokenHash, rotatedAt } = session
        const isRace =
          previousTokenHash !== null &&
          rotatedAt !== null &&
          Mac.timingSafeEqual(previousTokenHash, hash) &&
          DateTime.toEpochMillis(now) - rotatedAt.getTime() < Duration.toMillis(reuseGrace)
        if (!isRace) {
          yield* sessions.revoke(session.userId, session.id, DateTime.toDateUtc(now))
          yield* events.record({
            userId: session.userId,
            type: "refresh_token_reused",
            actorId: null,
            reason: `Session ${session.id} was ended`
          })
        }
        return { outcome: "reused", ended: !isRace } as const
      })

      const rotate = Effect.fnUntraced(
        function* (parts: refreshToken.RefreshTokenParts, origin: Origin): Effect.fn.Return<Refreshed, SqlError> {
          const found = yield* sessions.lock(parts.sessionId)
          const now = yield* DateTime.now
          if (Option.isNone(found)) return { outcome: "invalid" }
          const session = found.value
          const isFamily = Mac.timingSafeEqual(yield* sha256(parts.family), session.familyHash)
          const isOver = session.revokedAt !== null || session.expiresAt.getTime() <= DateTime.toEpochMillis(now)
          if (!isFamily || isOver) return { outcome: "invalid" }
          const hash = yield* sha256(parts.secret)
          if (!Mac.timingSafeEqual(hash, session.tokenHash)) return yield* decideReuse(session, hash, now)

          const user = yield* users.findById(session.userId)
          if (Option.isNone(user) || user.value.deletedAt !== null) return { outcome: "invalid" }
          if (user.value.bannedAt !== null) return { outcome: "banned" }
          const secret = yield* random.randomBytes(refreshToken.lengths.secret)
          yield* sessions.rotate(session.id, {
            tokenHash: yield* sha256(secret),
            previousTokenHash: hash,
            ...origin,
            deviceId: session.deviceId,
            now: DateTime.toDateUtc(now),
            expiresAt: expiryOf(now, session.client)
          })
          const token = refreshToken.encode({ ...parts, secret })
          return { outcome: "rotated", user: user.value, session, token }
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const refresh: Sessions["Service"]["refresh"] = Effect.fn("Sessions.refresh")(function* (token, origin) {
        const parts = refreshToken.decode(token)
        if (Option.isNone(parts)) return yield* new RefreshTokenInvalid({})
        const refreshed = yield* rotate(parts.value, origin)
        switch (refreshed.outcome) {
          case "rotated":
            return yield* pairOf(refreshed.user, refreshed.session.id, refreshed.token)
          case "invalid":
            return yield* new RefreshTokenInvalid({})
          case "banned":
            return yield* new AccountBanned({})
          case "reused":
            if (refreshed.ended) revocations.endSession(parts.value.sessionId)
            return yield* new RefreshTokenReused({})
        }
      })

      const endSession = Effect.fnUntraced(
        function* (userId: UserId, sessionId: SessionId) {
          const ended = yield* sessions.revoke(userId, sessionId, DateTime.toDateUtc(yield* DateTime.now))
          if (ended) revocations.endSession(sessionId)
          return ended
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const end = Effect.fn("Sessions.end")(({ userId, sessionId }: Principal) =>
        Effect.asVoid(endSession(userId, sessionId))
      )

      const revoke = Effect.fn("Sessions.revoke")(function* ({ userId }: Principal, sessionId: SessionId) {
        if (!(yield* endSession(userId, sessionId))) return yield* new SessionNotFound({ sessionId })
      })

      const list: Sessions["Service"]["list"] = Effect.fn("Sessions.list")(function* (principal, page) {
        const limit = page.limit ?? defaultLimit
        const before = page.after === undefined ? undefined : yield* cursor.decode(page.after)
        const now = DateTime.toDateUtc(yield* DateTime.now)
        const rows = yield* sessions
          .list(principal.userId, { now, before, limit: limit + 1 })
          .pipe(Effect.catchTag("SqlError", Effect.die))
        const toSession = (row: StoredSession): Session => ({
          ...Struct.pick(row, ["id", "client", "deviceId", "userAgent", "ip", "createdAt", "lastUsedAt", "expiresAt"]),
          current: row.id === principal.sessionId
        })
        return toPage(rows.map(toSession), limit, ({ id }) => cursor.encode(id))
      })

      const devices = Effect.fn("Sessions.devices")(function* ({ sessionId, userId }: Principal) {
        const now = DateTime.toDateUtc(yield* DateTime.now)
        const rows = yield* Effect.orDie(sessions.lastUsed(userId, now, maxSessionsOfDevices))
        return sessionDevices(rows, sessionId, maxDevices)
      })

      const purge = Effect.fn("Sessions.purge")(function* (limit: number) {
        const before = DateTime.subtractDuration(yield* DateTime.now, retention)
        return yield* Effect.orDie(sessions.purge(DateTime.toDateUtc(before), limit))
      })

      return Sessions.of({ open, refresh, end, list, devices, revoke, purge })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(
    Layer.provide([NodeCrypto.layerSecureRandom, NodeCrypto.layerDigest, SessionRepo.layer, UserRepo.layer])
  )
}
