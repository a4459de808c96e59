import type { AccountEvent, AccountEventType } from "@mall/domain/identity/AccountEvent"
import { UserId } from "@mall/domain/identity/CurrentUser"
import type { LastAdministrator } from "@mall/domain/identity/IdentityError"
import { RoleNotGrantable, UserNotFound } from "@mall/domain/identity/IdentityError"
import type { Role } from "@mall/domain/identity/Permission"
import { ManagedUser } from "@mall/domain/identity/User"
import type { Email, PersonalData } from "@mall/domain/identity/User"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { AuditAction } from "@mall/domain/operations/Audit"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option, Struct } from "effect"
import { SqlClient } from "effect/sql"
import { AccountEvents } from "./AccountEvents.ts"
import { Revocations } from "./Revocations.ts"
import { SessionRepo } from "./SessionRepo.ts"
import { StoredUser, UserRepo } from "./UserRepo.ts"
import type { UserPatch } from "./UserRepo.ts"

const cursor = cursorOf(UserId)

/** Who changes an account, and why. `actorId` is null for an operator at the command line. */
export interface Act {
  readonly actorId: UserId | null
  readonly reason: string
}

const auditActions = {
  banned: "user.ban",
  unbanned: "user.unban",
  logged_out_everywhere: "user.logout",
  role_granted: "user.role_grant",
  role_revoked: "user.role_revoke"
} as const satisfies { readonly [Type in AccountEventType]?: AuditAction }

/** What operators decide about an account; nothing of the person. */
const accessOf = ({ bannedAt, banReason, merchantId, roles }: StoredUser) => ({
  bannedAt,
  banReason,
  merchantId,
  roles
})

interface Change {
  readonly type: keyof typeof auditActions
  readonly patch: Omit<UserPatch, "updatedAt">
  /** Sessions end too: their refresh tokens are good for nothing any more. Access tokens end in any case. */
  readonly endsSessions: boolean
}

/**
 * Accounts in the hands of operators. What is already so changes nothing and is not recorded; every change is a line of the
 * account's history and ends the access tokens issued before it, on every process at once.
 */
export class UserAdministration extends Context.Service<
  UserAdministration,
  {
    /** Newest first. `email` is the beginning of it. */
    list(query: {
      readonly limit?: number
      readonly after?: string
      readonly email?: string
      readonly role?: Role
      readonly banned?: boolean
    }): Effect.Effect<Page<ManagedUser>, InvalidCursor>
    show(userId: UserId): Effect.Effect<ManagedUser, UserNotFound>
    /** Who the account belongs to. Whoever asks, and why, is in the audit trail. */
    unmask(userId: UserId, reason: string): Effect.Effect<PersonalData, UserNotFound>
    /** Who has exactly this email, if anybody. */
    findByEmail(email: Email): Effect.Effect<Option.Option<ManagedUser>>
    history(
      userId: UserId,
      page: { readonly limit?: number; readonly after?: string }
    ): Effect.Effect<Page<AccountEvent>, InvalidCursor>
    /** The last administrator cannot be banned. */
    ban(userId: UserId, act: Act): Effect.Effect<ManagedUser, LastAdministrator | UserNotFound>
    unban(userId: UserId, act: Act): Effect.Effect<ManagedUser, UserNotFound>
    /** Ends all sessions of the user. */
    logout(userId: UserId, act: Act): Effect.Effect<void, UserNotFound>
    /** `merchant` needs the shop whose staff the user becomes; a user is staff of one shop at most. */
    grant(
      userId: UserId,
      role: Role,
      merchantId: MerchantId | null,
      act: Act
    ): Effect.Effect<ManagedUser, UserNotFound | RoleNotGrantable>
    /** The last administrator stays one. */
    revoke(
      userId: UserId,
      role: Role,
      act: Act
    ): Effect.Effect<ManagedUser, LastAdministrator | UserNotFound | RoleNotGrantable>
  }
>()("@mall/identity/UserAdministration") {
  static readonly layerNoDeps = Layer.effect(
    UserAdministration,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const users = yield* UserRepo
      const sessions = yield* SessionRepo
      const events = yield* AccountEvents
      const revocations = yield* Revocations
      const audit = yield* makeAuditRecorder

      const orNotFound = (userId: UserId) => (user: Option.Option<StoredUser>) =>
        Effect.mapError(Effect.fromOption(user), () => new UserNotFound({ userId }))

      /** Locks the user, decides, and applies; a decision of undefined changes nothing. */
      const change = Effect.fnUntraced(
        function* <E>(
          userId: UserId,
          act: Act,
          decide: (user: StoredUser, now: Date) => Effect.Effect<Change | undefined, E>
        ) {
          const now = DateTime.toDateUtc(yield* DateTime.now)
          const before = yield* Effect.flatMap(users.lock(userId), orNotFound(userId))
          const decision = yield* decide(before, now)
          if (decision === undefined) return before
          const { type, patch, endsSessions } = decision
          const after = yield* Effect.flatMap(users.update(userId, { ...patch, updatedAt: now }), orNotFound(userId))
          if (endsSessions) yield* sessions.revokeAll(userId, now, null)
          yield* events.record({ userId, type, ...act })
          const tokenVersion = yield* users.raiseTokenVersion(userId, now)
          yield* audit.record({
            action: auditActions[type],
            resource: { type: "user", id: userId },
            merchantId: after.merchantId ?? before.merchantId,
            reason: act.reason,
            ...(type === "logged_out_everywhere" ? {} : { before: accessOf(before), after: accessOf(after) })
          })
          return new StoredUser({ ...after, tokenVersion })
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die),
        Effect.tap(({ id, tokenVersion }) => Effect.sync(() => revocations.raiseVersion(id, tokenVersion)))
      )

      const list: UserAdministration["Service"]["list"] = Effect.fn("UserAdministration.list")(function* (query) {
        const limit = query.limit ?? defaultLimit
        const before = query.after === undefined ? undefined : yield* cursor.decode(query.after)
        const rows = yield* users
          .list({ emailPrefix: query.email, role: query.role, banned: query.banned }, { before, limit: limit + 1 })
          .pipe(Effect.catchTag("SqlError", Effect.die))
        return toPage(rows.map(toManagedUser), limit, ({ id }) => cursor.encode(id))
      })

      const show = Effect.fn("UserAdministration.show")(function* (userId: UserId) {
        const user = yield* users.findById(userId).pipe(Effect.catchTag("SqlError", Effect.die))
        return toManagedUser(yield* orNotFound(userId)(user))
      })

      const unmask = Effect.fn("UserAdministration.unmask")(
        function* (userId: UserId, reason: string) {
          const user = yield* Effect.flatMap(users.findById(userId), orNotFound(userId))
          yield* audit.record({
            action: "personal_data.unmask",
            resource: { type: "user", id: userId },
            merchantId: user.merchantId,
            reason
          })
          const personal: PersonalData = { email: user.email, name: user.name, avatarUrl: user.avatarUrl }
          return personal
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const findByEmail = Effect.fn("UserAdministration.findByEmail")(function* (email: Email) {
        return Option.map(yield* Effect.orDie(users.findByEmail(email)), toManagedUser)
      })

      const ban = Effect.fn("UserAdministration.ban")(
        (userId: UserId, act: Act) =>
          change(
            userId,
            act,
            Effect.fnUntraced(function* (user, now) {
              if (user.bannedAt !== null) return undefined
              if (user.roles.includes("admin")) yield* users.assertOtherAdministrator(userId)
              const patch = { bannedAt: now, banReason: act.reason }
              return { type: "banned", patch, endsSessions: true } satisfies Change
            })
          ),
        Effect.map(toManagedUser)
      )

      const unban = Effect.fn("UserAdministration.unban")(
        (userId: UserId, act: Act) =>
          change(userId, act, (user) =>
            Effect.succeed(
              user.bannedAt === null
                ? undefined
                : { type: "unbanned", patch: { bannedAt: null, banReason: null }, endsSessions: false }
            )
          ),
        Effect.map(toManagedUser)
      )

      const logout = Effect.fn("UserAdministration.logout")(
        (userId: UserId, act: Act) =>
          change(userId, act, () => Effect.succeed({ type: "logged_out_everywhere", patch: {}, endsSessions: true })),
        Effect.asVoid
      )

      const grant = Effect.fn("UserAdministration.grant")(
        (userId: UserId, role: Role, merchantId: MerchantId | null, act: Act) =>
          change(userId, act, (user) => decideGrant(user, role, merchantId)),
        Effect.map(toManagedUser)
      )

      const revoke = Effect.fn("UserAdministration.revoke")(
        (userId: UserId, role: Role, act: Act) =>
          change(
            userId,
            act,
            Effect.fnUntraced(function* (user) {
              const decision = yield* decideRevoke(user, role)
              if (decision !== undefined && role === "admin" && user.bannedAt === null) {
                yield* users.assertOtherAdministrator(userId)
              }
              return decision
            })
          ),
        Effect.map(toManagedUser)
      )

      return UserAdministration.of({
        list,
        show,
        unmask,
        findByEmail,
        history: events.list,
        ban,
        unban,
        logout,
        grant,
        revoke
      })
    })
  )
}

const toManagedUser = (user: StoredUser) => new ManagedUser(Struct.omit(user, ["passwordHash", "tokenVersion"]))

const customerStays = () =>
  new RoleNotGrantable({ reason: "Every account is a customer; ban it to keep its owner out" })

const decideGrant = Effect.fnUntraced(function* (user: StoredUser, role: Role, merchantId: MerchantId | null) {
  if (role === "customer") return yield* customerStays()
  if ((role === "merchant") !== (merchantId !== null)) {
    return yield* new RoleNotGrantable({ reason: "The role merchant, and no other, is granted for a shop" })
  }
  if (user.roles.includes(role)) {
    if (role !== "merchant" || user.merchantId === merchantId) return undefined
    return yield* new RoleNotGrantable({ reason: "The user is staff of another shop; revoke that first" })
  }
  const patch = { roles: [...user.roles, role], ...(role === "merchant" ? { merchantId } : {}) }
  return { type: "role_granted", patch, endsSessions: false } satisfies Change
})

const decideRevoke = Effect.fnUntraced(function* (user: StoredUser, role: Role) {
  if (role === "customer") return yield* customerStays()
  if (!user.roles.includes(role)) return undefined
  const roles = user.roles.filter((each) => each !== role)
  const patch = { roles, ...(role === "merchant" ? { merchantId: null } : {}) }
  return { type: "role_revoked", patch, endsSessions: false } satisfies Change
})
