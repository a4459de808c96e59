import type { Principal } from "@mall/domain/identity/CurrentUser"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { EmailTaken, InvalidCredentials } from "@mall/domain/identity/IdentityError"
import type {
  CodeInvalid,
  EmailCodeRequired,
  LastAdministrator,
  WeakPassword
} from "@mall/domain/identity/IdentityError"
import type { Role } from "@mall/domain/identity/Permission"
import type {
  Email,
  Locale,
  Password,
  PasswordChange,
  Registration,
  User,
  UserUpdate
} from "@mall/domain/identity/User"
import type { Overloaded, RateLimited } from "@mall/domain/kernel/EdgeError"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { generator } from "@mall/domain/kernel/Id"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { accountDeleted } from "@mall/domain/identity/IdentityTopics"
import { makeEraseAnswers } from "@mall/platform/eraseAnswers"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { AccountEvents } from "./AccountEvents.ts"
import { LoginThrottle } from "../signin/LoginThrottle.ts"
import { Passwords } from "../passwords/Passwords.ts"
import { PasswordStrength } from "../passwords/PasswordStrength.ts"
import { administers, Policies } from "../policy/Policies.ts"
import { Revocations } from "../tokens/Revocations.ts"
import { SessionRepo } from "../tokens/SessionRepo.ts"
import { SignInChecks } from "../signin/SignInChecks.ts"
import { SignInNotices } from "../signin/SignInNotices.ts"
import { toUser } from "./toUser.ts"
import { UserRepo } from "./UserRepo.ts"
import type { StoredUser } from "./StoredUser.ts"
import type { NewUser } from "./UserRepo.ts"

/** What a deleted account leaves nothing of. */
const tablesOfPerson = [
  "identity.addresses",
  "identity.totp_credentials",
  "identity.recovery_codes",
  "identity.known_devices",
  "identity.logins"
] as const

const newUserId = generator(UserId)
const defaultLocale: Locale = "zh"

const withRole = (roles: ReadonlyArray<Role>, role: Role) => (roles.includes(role) ? roles : [...roles, role])

/** Accounts, and what their owners do with them. Methods that take a `Principal` fail `Unauthorized` once it is deleted. */
export class Accounts extends Context.Service<
  Accounts,
  {
    /** Opens an account with that id; where it was opened before (a retry), answers with it. */
    register(
      id: UserId,
      registration: Registration
    ): Effect.Effect<User, EmailTaken | WeakPassword | EmailCodeRequired | CodeInvalid | Overloaded>
    /**
     * Sees to it that an account with this email exists and has this role besides those it has; for seeds and operators.
     * Sets the password only where it opens the account, and does not judge it. `merchantId` is the shop of a `merchant`.
     */
    ensure(account: {
      readonly email: Email
      readonly password: Password
      readonly name: string
      readonly role: Role
      readonly merchantId: MerchantId | null
    }): Effect.Effect<User, Overloaded>
    get(principal: Principal): Effect.Effect<User, Unauthorized>
    update(principal: Principal, update: UserUpdate): Effect.Effect<User, Unauthorized>
    /** Ends every session but the caller's. Guesses at the current password count as failed logins. */
    changePassword(
      principal: Principal,
      change: PasswordChange
    ): Effect.Effect<void, InvalidCredentials | WeakPassword | RateLimited | Overloaded | Unauthorized>
    /** Erases personal data and ends all sessions; the bare id stays for orders and books. */
    /** The last administrator cannot go. */
    delete(principal: Principal): Effect.Effect<void, LastAdministrator | Unauthorized>
  }
>()("@mall/identity/users/Accounts") {
  static readonly layerNoDeps = Layer.effect(
    Accounts,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const users = yield* UserRepo
      const policies = yield* Policies
      const sessions = yield* SessionRepo
      const events = yield* AccountEvents
      const passwords = yield* Passwords
      const strength = yield* PasswordStrength
      const throttle = yield* LoginThrottle
      const revocations = yield* Revocations
      const checks = yield* SignInChecks
      const notices = yield* SignInNotices
      const outbox = yield* Outbox
      const eraseAnswers = yield* makeEraseAnswers
      const currentDate = Effect.map(DateTime.now, DateTime.toDateUtc)

      const orUnauthorized = (user: Option.Option<StoredUser>) =>
        Effect.mapError(Effect.fromOption(user), () => new Unauthorized({}))

      const find = Effect.fnUntraced(function* ({ userId }: Principal) {
        const user = yield* users.findById(userId).pipe(Effect.catchTag("SqlError", Effect.die))
        return yield* orUnauthorized(Option.filter(user, ({ deletedAt }) => deletedAt === null))
      })

      const insert = Effect.fnUntraced(
        function* (user: Omit<NewUser, "now">) {
          const now = yield* currentDate
          yield* users.insert({ ...user, now })
          yield* events.record({ userId: user.id, type: "registered", actorId: null, reason: "" })
        },
        sql.withTransaction,
        Effect.catchTag("SqlError", Effect.die)
      )

      const register = Effect.fn("Accounts.register")(function* (id: UserId, registration: Registration) {
        const before = yield* Effect.orDie(users.findById(id))
        if (Option.isSome(before)) return yield* toUser(before.value)
        const { code, email, password, name = "", locale = defaultLocale } = registration
        yield* strength.check(password, [email, name])
        const passwordHash = yield* passwords.hash(password)
        // last of the checks, since it spends the code, and before anything tells that there is an account
        yield* checks.passRegistration(email, code)
        yield* insert({ id, email, passwordHash, name, locale, roles: ["customer"], merchantId: null })
        return yield* Effect.flatMap(Effect.orDie(Effect.flatMap(users.findById(id), Effect.fromOption)), toUser)
      })

      const ensure: Accounts["Service"]["ensure"] = Effect.fn("Accounts.ensure")(function* (account) {
        const { email, name, role } = account
        const merchantId = role === "merchant" ? account.merchantId : null
        if (Option.isNone(yield* Effect.orDie(users.findByEmail(email)))) {
          const id = yield* newUserId
          const passwordHash = yield* passwords.hash(account.password)
          const roles = withRole(["customer"], role)
          yield* insert({ id, email, passwordHash, name, locale: defaultLocale, roles, merchantId }).pipe(
            // another process ensures the same account
            Effect.catchTag("EmailTaken", () => Effect.void)
          )
        }
        const user = yield* Effect.orDie(Effect.flatMap(users.findByEmail(email), Effect.fromOption))
        const isStaff = role !== "merchant" || user.merchantId === merchantId
        if (user.roles.includes(role) && isStaff) return yield* toUser(user)
        const assigned = assignRoles(user.id, withRole(user.roles, role), merchantId ?? user.merchantId)
        return yield* Effect.flatMap(assigned, toUser)
      })

      const assignRoles = Effect.fnUntraced(
        function* (id: UserId, roles: ReadonlyArray<Role>, merchantId: MerchantId | null) {
          const now = yield* currentDate
          yield* users.update(id, { roles, merchantId, updatedAt: now })
          yield* users.raiseTokenVersion(id, now)
          yield* events.record({
            userId: id,
            type: "role_granted",
            actorId: null,
            reason: "",
            subject: roles.join(", ")
          })
          return yield* Effect.flatMap(users.findById(id), Effect.fromOption)
        },
        sql.withTransaction,
        Effect.tap(({ id, tokenVersion }) => Effect.sync(() => revocations.raiseVersion(id, tokenVersion))),
        Effect.orDie
      )

      const get = Effect.fn("Accounts.get")((principal: Principal) => Effect.flatMap(find(principal), toUser))

      const update = Effect.fn("Accounts.update")(function* ({ userId }: Principal, change: UserUpdate) {
        const updatedAt = yield* currentDate
        const user = yield* users.update(userId, { ...change, updatedAt }).pipe(Effect.catchTag("SqlError", Effect.die))
        return yield* Effect.flatMap(orUnauthorized(user), toUser)
      })

      const verifyOwner = Effect.fnUntraced(function* (user: StoredUser, email: Email, password: Password) {
        const guess = { email, ip: null, device: null }
        yield* throttle.begin(guess)
        const { matches } = yield* passwords
          .verify(password, user.passwordHash ?? undefined)
          .pipe(Effect.tapErrorTag("Overloaded", () => throttle.abandon(guess)))
        if (!matches) return yield* new InvalidCredentials({})
        yield* throttle.succeed(guess)
      })

      const replacePassword = Effect.fnUntraced(
        function* ({ userId, sessionId }: Principal, verifiedHash: string | null, passwordHash: string) {
          const now = yield* currentDate
          const user = yield* Effect.flatMap(users.lock(userId), orUnauthorized)
          // someone who knew the old password changed it meanwhile
          if (user.passwordHash !== verifiedHash) return yield* new InvalidCredentials({})
          yield* users.update(userId, { passwordHash, updatedAt: now })
          yield* events.record({ userId, type: "password_changed", actorId: userId, reason: "" })
          yield* notices.tell(userId, "password_changed")
          return yield* sessions.revokeAll(userId, now, sessionId)
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const changePassword = Effect.fn("Accounts.changePassword")(function* (
        principal: Principal,
        { currentPassword, newPassword }: PasswordChange
      ) {
        const user = yield* find(principal)
        const { email, name } = yield* toUser(user)
        yield* verifyOwner(user, email, currentPassword)
        yield* strength.check(newPassword, [email, name])
        const passwordHash = yield* passwords.hash(newPassword)
        const ended = yield* replacePassword(principal, user.passwordHash, passwordHash)
        for (const sessionId of ended) revocations.endSession(sessionId)
      })

      const erase = Effect.fnUntraced(
        function* (userId: UserId) {
          const now = yield* currentDate
          const user = yield* Effect.flatMap(users.lock(userId), orUnauthorized)
          if (user.roles.includes("admin")) {
            yield* users.assertOtherAdministrator(userId, (roles) => administers(policies.current(), roles))
          }
          yield* users.erase(userId, now)
          for (const table of tablesOfPerson) yield* sql`DELETE FROM ${sql(table)} WHERE user_id = ${userId}`
          yield* sessions.revokeAll(userId, now, null)
          yield* sessions.eraseTraces(userId)
          yield* events.eraseReasons(userId)
          yield* eraseAnswers(userId)
          yield* outbox.publish(accountDeleted, { userId })
          yield* events.record({ userId, type: "deleted", actorId: userId, reason: "" })
          return yield* users.raiseTokenVersion(userId, now)
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const remove = Effect.fn("Accounts.delete")(function* ({ userId }: Principal) {
        revocations.raiseVersion(userId, yield* erase(userId))
      })

      return Accounts.of({ register, ensure, get, update, changePassword, delete: remove })
    })
  )
}
