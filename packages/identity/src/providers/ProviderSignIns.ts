import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { UserId } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { AccountBanned } from "@mall/domain/identity/IdentityError"
import {
  EmailNotVerified,
  LastWayIn,
  ProviderLinkedElsewhere,
  ProviderNotLinked,
  ProviderUnknown,
  SignInStateInvalid,
  SignInToLink
} from "@mall/domain/identity/ProviderSignIn"
import type {
  ProviderIdentity,
  ProviderName,
  ProviderRefused,
  ProviderUnavailable
} from "@mall/domain/identity/ProviderSignIn"
import type { TokenPair } from "@mall/domain/identity/User"
import type { Overloaded } from "@mall/domain/kernel/EdgeError"
import { generator } from "@mall/domain/kernel/Id"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Duration, Effect, Layer, Option, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { SqlClient } from "effect/sql"
import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { AccountEvents } from "../users/AccountEvents.ts"
import type { Origin } from "../signin/Origin.ts"
import { Passwords } from "../passwords/Passwords.ts"
import { SignInNotices } from "../signin/SignInNotices.ts"
import { Sessions } from "../tokens/Sessions.ts"
import { UserRepo } from "../users/UserRepo.ts"
import type { StoredUser } from "../users/StoredUser.ts"
import { OidcClients } from "./OidcClients.ts"
import type { ProvenIdentity, SignInSecrets } from "./OidcClients.ts"
import { ProviderRepo } from "./ProviderRepo.ts"

const newUserId = generator(UserId)

export const signInLifetime = Duration.minutes(10)

/** Where the browser is to go, and what it is to keep until it comes back. */
export interface StartedSignIn {
  readonly url: string
  readonly browserSecret: string
}

/** How somebody whom the provider has proved comes in; with a user, to link the provider to their account. */
interface Entrance {
  readonly origin: Origin
  readonly passwordHash: string
  readonly startedAt: Date
  readonly userId: UserId | null
}

const sha256 = (text: string) => new Uint8Array(createHash("sha256").update(text).digest())

/** The browser's secret stands for all others: what the database holds of a sign-in helps nobody to finish it. */
const secretsOf = (browserSecret: string, state: string): SignInSecrets => {
  const derive = (purpose: string) => createHmac("sha256", browserSecret).update(purpose).digest("base64url")
  return { state, nonce: derive("nonce"), codeVerifier: derive("code_verifier") }
}

/**
 * Signing in by identity providers. An identity that is linked opens its account; one that is not opens a new account, if
 * the provider has verified its email and nobody has an account with it. It never opens an account that is there already:
 * whoever registered it first may not be who owns the address, so its owner signs in and links. Where a session of theirs was
 * ended meanwhile, who began to link may be who was put out, and begins anew.
 */
export class ProviderSignIns extends Context.Service<
  ProviderSignIns,
  {
    /** With a user, coming back links the provider to their account. */
    start(
      provider: ProviderName,
      user: Principal | null
    ): Effect.Effect<StartedSignIn, ProviderUnknown | ProviderUnavailable>
    /** `query` is what the browser came back with, from the question mark on. */
    finish(
      provider: ProviderName,
      answer: { readonly state: string; readonly browserSecret: string; readonly query: string },
      origin: Origin
    ): Effect.Effect<
      TokenPair,
      | ProviderUnknown
      | ProviderUnavailable
      | ProviderRefused
      | SignInStateInvalid
      | EmailNotVerified
      | SignInToLink
      | ProviderLinkedElsewhere
      | AccountBanned
      | Overloaded
    >
    list(user: Principal): Effect.Effect<ReadonlyArray<ProviderIdentity>>
    unlink(user: Principal, provider: ProviderName): Effect.Effect<void, ProviderNotLinked | LastWayIn>
  }
>()("@mall/identity/providers/ProviderSignIns") {
  static readonly layerNoDeps = Layer.effect(
    ProviderSignIns,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const clients = yield* OidcClients
      const repo = yield* ProviderRepo
      const users = yield* UserRepo
      const sessions = yield* Sessions
      const events = yield* AccountEvents
      const notices = yield* SignInNotices
      const passwords = yield* Passwords
      const random = yield* SecureRandom.SecureRandom
      const randomText = Effect.map(random.randomBytes(32), Base64Url.encode)

      const clientOf = (provider: ProviderName) =>
        Effect.mapError(Effect.fromOption(clients.find(provider)), () => new ProviderUnknown({}))

      const start: ProviderSignIns["Service"]["start"] = Effect.fn("ProviderSignIns.start")(
        function* (provider, user) {
          const client = yield* clientOf(provider)
          const browserSecret = yield* randomText
          const state = yield* randomText
          const url = yield* client.authorizationUrl(secretsOf(browserSecret, state))
          yield* repo.begin({
            stateHash: sha256(state),
            browserHash: sha256(browserSecret),
            provider,
            userId: user === null ? null : user.userId,
            endsAt: DateTime.toDateUtc(DateTime.addDuration(yield* DateTime.now, signInLifetime))
          })
          return { url, browserSecret }
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      /** The sign-in that this browser started, which is over from now on whatever comes of it. */
      const take = Effect.fnUntraced(
        function* (provider: ProviderName, state: string, browserSecret: string) {
          const row = Option.getOrUndefined(yield* repo.take(sha256(state)))
          const now = yield* DateTime.nowAsDate
          const isGood =
            row !== undefined &&
            row.provider === provider &&
            row.endsAt > now &&
            timingSafeEqual(row.browserHash, sha256(browserSecret))
          return isGood ? row : yield* new SignInStateInvalid({})
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      /** The user, locked, if they may still sign in. */
      const lockGood = Effect.fnUntraced(function* (userId: UserId) {
        const user = Option.getOrUndefined(yield* users.lock(userId))
        if (user === undefined) return yield* new SignInStateInvalid({})
        return user.bannedAt === null ? user : yield* new AccountBanned({})
      })

      const link = Effect.fnUntraced(function* (
        user: StoredUser,
        provider: ProviderName,
        { issuer, subject }: ProvenIdentity,
        { isNew, now }: { readonly isNew: boolean; readonly now: Date }
      ) {
        const row = { issuer, subject, provider, userId: user.id, openedAccount: isNew, linkedAt: now }
        if (!(yield* repo.link(row))) return yield* new ProviderLinkedElsewhere({})
        yield* events.record({ userId: user.id, type: "provider_linked", actorId: user.id, reason: provider })
        if (!isNew) yield* notices.tell(user.id, "provider_linked")
      })

      /** A new account, which nobody can enter by a password: its hash is that of one that was thrown away. */
      const openAccount = Effect.fnUntraced(function* (
        { name, verifiedEmail }: ProvenIdentity,
        provider: ProviderName,
        passwordHash: string,
        now: Date
      ) {
        if (Option.isNone(verifiedEmail)) return yield* new EmailNotVerified({})
        const id = yield* newUserId
        const email = verifiedEmail.value
        const account = { id, email, passwordHash, name, locale: "zh", roles: ["customer"], merchantId: null } as const
        if (Option.isSome(yield* users.findByEmail(email))) return yield* new SignInToLink({ provider })
        yield* users
          .insert({ ...account, now })
          .pipe(Effect.catchTag("EmailTaken", () => Effect.fail(new SignInToLink({ provider }))))
        yield* events.record({ userId: id, type: "registered", actorId: null, reason: provider })
        return yield* lockGood(id)
      })

      const enter = Effect.fnUntraced(
        function* (
          provider: ProviderName,
          proven: ProvenIdentity,
          { origin, passwordHash, startedAt, userId }: Entrance
        ) {
          const now = yield* DateTime.nowAsDate
          const linked = Option.getOrUndefined(yield* repo.find(proven.issuer, proven.subject))
          if (linked !== undefined && userId !== null && linked.userId !== userId) {
            return yield* new ProviderLinkedElsewhere({})
          }
          const known = linked?.userId ?? userId
          const user = known === null ? yield* openAccount(proven, provider, passwordHash, now) : yield* lockGood(known)
          if (userId !== null && (yield* repo.hasEndedSessions(userId, startedAt))) {
            return yield* new SignInStateInvalid({})
          }
          if (linked === undefined) yield* link(user, provider, proven, { isNew: known === null, now })
          yield* repo.noteLogin(user.id, now)
          // The provider's word is the first factor of who signs in so, as a password is of others.
          return yield* sessions.open(user, { client: "web", deviceId: null, origin, proof: "password" })
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const finish: ProviderSignIns["Service"]["finish"] = Effect.fn("ProviderSignIns.finish")(function* (
        provider,
        { browserSecret, query, state },
        origin
      ) {
        const client = yield* clientOf(provider)
        const { endsAt, userId } = yield* take(provider, state, browserSecret)
        const proven = yield* client.prove(query, secretsOf(browserSecret, state))
        const passwordHash = yield* passwords.hash(Redacted.make(yield* randomText))
        const startedAt = new Date(endsAt.getTime() - Duration.toMillis(signInLifetime))
        return yield* enter(provider, proven, { origin, passwordHash, startedAt, userId })
      })

      const list = Effect.fn("ProviderSignIns.list")(
        ({ userId }: Principal) =>
          Effect.map(repo.list(userId), (rows) =>
            rows.map(({ issuer, linkedAt, provider }) => ({ issuer, linkedAt, provider }))
          ),
        Effect.catchTag("SqlError", Effect.die)
      )

      const unlink = Effect.fn("ProviderSignIns.unlink")(
        function* ({ userId }: Principal, provider: ProviderName) {
          yield* users.lock(userId)
          const all = yield* repo.list(userId)
          const row = all.find((each) => each.provider === provider)
          if (row === undefined) return yield* new ProviderNotLinked({ provider })
          if (all.length === 1 && row.openedAccount) return yield* new LastWayIn({})
          yield* repo.unlink(userId, provider)
          yield* events.record({ userId, type: "provider_unlinked", actorId: userId, reason: provider })
          yield* notices.tell(userId, "provider_unlinked")
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      return ProviderSignIns.of({ start, finish, list, unlink })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(
    Layer.provide([OidcClients.layer, ProviderRepo.layer, NodeCrypto.layerSecureRandom])
  )
}
