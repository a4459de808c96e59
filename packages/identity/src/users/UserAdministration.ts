import type { AccountEvent, AccountEventType } from "@mall/domain/identity/AccountEvent"
import { shopOf, UserId } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { LastAdministrator, PermissionNotHeld, RoleNotGrantable } from "@mall/domain/identity/IdentityError"
import { UserNotFound } from "@mall/domain/identity/IdentityError"
import type { Role } from "@mall/domain/identity/Permission"
import { ManagedUser } from "@mall/domain/identity/User"
import type { Email, PersonalData } from "@mall/domain/identity/User"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { AuditAction } from "@mall/domain/operations/Audit"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { readsOf } from "@mall/platform/Tenancy"
import { Context, DateTime, Effect, Layer, Option, Struct } from "effect"
import { SqlClient } from "effect/sql"
import { AccountEvents } from "./AccountEvents.ts"
import { assertHeld } from "../policy/assertHeld.ts"
import { administers, Policies } from "../policy/Policies.ts"
import { granting, revoking } from "../policy/roleChanges.ts"
import type { RoleChange } from "../policy/roleChanges.ts"
import { Revocations } from "../tokens/Revocations.ts"
import { SessionRepo } from "../tokens/SessionRepo.ts"
import { StoredUser } from "./StoredUser.ts"
import { UserRepo } from "./UserRepo.ts"
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
const accessOf = ({ bannedAt, banReason, merchantId, roles, shopRoles }: StoredUser) => ({
  bannedAt,
  banReason,
  merchantId,
  roles,
  shopRoles
})

interface Change {
  readonly type: keyof typeof auditActions
  readonly subject?: string
  readonly patch: Omit<UserPatch, "updatedAt">
  /** Sessions end too: their refresh tokens are good for nothing any more. Access tokens end in any case. */
  readonly endsSessions: boolean
}

/**
 * The staff of the shop that the caller runs: others do not exist for them. Somebody becomes staff by `grant`, which only
 * the mall's own administrators do, so that no shop takes people who did not ask for it.
 */
export interface Staff {
  list(
    caller: Principal,
    page: { readonly limit?: number; readonly after?: string }
  ): Effect.Effect<Page<ManagedUser>, InvalidCursor>
  grant(
    caller: Principal,
    userId: UserId,
    role: Role,
    reason: string
  ): Effect.Effect<ManagedUser, UserNotFound | RoleNotGrantable | PermissionNotHeld | LastAdministrator>
  /** Who loses the last role within the shop is its staff no more. */
  revoke(
    caller: Principal,
    userId: UserId,
    role: Role,
    reason: string
  ): Effect.Effect<ManagedUser, LastAdministrator | UserNotFound | RoleNotGrantable | PermissionNotHeld>
}

/**
 * Accounts in the hands of operators. What is already so changes nothing and is not recorded; every change is a line of the
 * account's history and ends the access tokens issued before it, on every process at once.
 */
export class UserAdministration extends Context.Service<
  UserAdministration,
  {
    /** Newest first. */
    list(query: {
      readonly limit?: number
      readonly after?: string
      readonly email?: Email
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
    /**
     * For the whole mall, or within a shop, which `merchant` needs; a user is staff of one shop at most. Who acts holds all
     * that the role speaks of.
     */
    grant(
      userId: UserId,
      role: Role,
      merchantId: MerchantId | null,
      act: Act
    ): Effect.Effect<ManagedUser, UserNotFound | RoleNotGrantable | PermissionNotHeld | LastAdministrator>
    /** Wherever the user has the role. The last administrator stays one; who acts could have granted the role. */
    revoke(
      userId: UserId,
      role: Role,
      act: Act
    ): Effect.Effect<ManagedUser, LastAdministrator | UserNotFound | RoleNotGrantable | PermissionNotHeld>
    readonly staff: Staff
  }
>()("@mall/identity/users/UserAdministration") {
  static readonly layerNoDeps = Layer.effect(
    UserAdministration,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const users = yield* UserRepo
      const sessions = yield* SessionRepo
      const events = yield* AccountEvents
      const revocations = yield* Revocations
      const policies = yield* Policies
      const audit = yield* makeAuditRecorder

      const orNotFound = (userId: UserId) => (user: Option.Option<StoredUser>) =>
        Effect.mapError(Effect.fromOption(user), () => new UserNotFound({ userId }))

      /** Locks the user, decides, and applies; a decision of undefined changes nothing. */
      const change = Effect.fnUntraced(
        function* <E>(
          userId: UserId,
          act: Act,
          decide: (user: StoredUser, now: Date) => Effect.Effect<Change | undefined, E>,
          isOfRoles = false
        ) {
          const now = DateTime.toDateUtc(yield* DateTime.now)
          if (isOfRoles) {
            yield* policies.lock
            yield* policies.reload
          }
          const before = yield* Effect.flatMap(users.lock(userId), orNotFound(userId))
          const decision = yield* decide(before, now)
          if (decision === undefined) return before
          const { endsSessions, patch, subject, type } = decision
          const after = yield* Effect.flatMap(users.update(userId, { ...patch, updatedAt: now }), orNotFound(userId))
          if (endsSessions) yield* sessions.revokeAll(userId, now, null)
          yield* events.record({ userId, type, ...act, ...(subject === undefined ? {} : { subject }) })
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

      const assertOther = (userId: UserId) =>
        users.assertOtherAdministrator(userId, (roles) => administers(policies.current(), roles))

      /** Changes the roles of a user, of the staff of `onlyOf` where that is given, if who acts holds what `role` opens. */
      const changeRoles = (
        wanted: {
          readonly userId: UserId
          readonly role: Role
          readonly type: "role_granted" | "role_revoked"
          readonly onlyOf: MerchantId | undefined
          readonly scopeOf: (user: StoredUser) => MerchantId | null
          readonly decide: (user: StoredUser) => Effect.Effect<RoleChange | undefined, RoleNotGrantable>
        },
        act: Act
      ) => {
        const { decide, onlyOf, role, scopeOf, type, userId } = wanted
        return change(
          userId,
          act,
          Effect.fnUntraced(function* (user) {
            if (onlyOf !== undefined && user.merchantId !== onlyOf) return yield* new UserNotFound({ userId })
            const after = yield* decide(user)
            if (after === undefined) return undefined
            const policy = policies.current()
            const merchantId = scopeOf(user)
            yield* assertHeld(users, policy, act.actorId, policy.reachOf(role, merchantId !== null), merchantId)
            const isLoss = !after.roles.includes("admin") || !administers(policy, after.roles)
            const isAdministrator = user.roles.includes("admin") && administers(policy, user.roles)
            if (isAdministrator && isLoss && user.bannedAt === null) yield* assertOther(userId)
            const subject = merchantId === null ? role : `${role} of ${merchantId}`
            return { type, subject, patch: after, endsSessions: false } satisfies Change
          }),
          true
        ).pipe(Effect.map(toManagedUser))
      }

      const list: UserAdministration["Service"]["list"] = Effect.fn("UserAdministration.list")(function* (query) {
        const limit = query.limit ?? defaultLimit
        const before = query.after === undefined ? undefined : yield* cursor.decode(query.after)
        const rows = yield* users
          .list({ email: query.email, role: query.role, banned: query.banned }, { before, limit: limit + 1 })
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
              if (user.roles.includes("admin")) yield* assertOther(userId)
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

      const granted = (
        userId: UserId,
        role: Role,
        merchantId: MerchantId | null,
        onlyOf: MerchantId | undefined,
        act: Act
      ) => {
        const decide = (user: StoredUser) => granting(policies.current(), user, role, merchantId)
        return changeRoles({ userId, role, type: "role_granted", onlyOf, scopeOf: () => merchantId, decide }, act)
      }

      const revoked = (userId: UserId, role: Role, onlyOf: MerchantId | undefined, act: Act) => {
        const decide = (user: StoredUser) => revoking(user, role, onlyOf !== undefined)
        // what is held in the mall is the larger part of what is taken
        const scopeOf = (user: StoredUser) => {
          const isInMall = onlyOf === undefined && role !== "merchant" && user.roles.includes(role)
          return isInMall ? null : user.merchantId
        }
        return changeRoles({ userId, role, type: "role_revoked", onlyOf, scopeOf, decide }, act)
      }

      const grant = Effect.fn("UserAdministration.grant")(
        (userId: UserId, role: Role, merchantId: MerchantId | null, act: Act) =>
          granted(userId, role, merchantId, undefined, act)
      )
      const revoke = Effect.fn("UserAdministration.revoke")((userId: UserId, role: Role, act: Act) =>
        revoked(userId, role, undefined, act)
      )

      const staff: Staff = {
        list: Effect.fn("UserAdministration.staff.list")(function* (caller, page) {
          const limit = page.limit ?? defaultLimit
          const before = page.after === undefined ? undefined : yield* cursor.decode(page.after)
          const shop = runBy(caller)
          if (Option.isNone(shop)) return { data: [], nextCursor: null }
          const rows = yield* users
            .listStaff(shop.value, { before, limit: limit + 1 })
            .pipe(readsOf(sql, "mall_store_tenant", { merchantId: shop.value }), Effect.orDie)
          return toPage(rows.map(toManagedUser), limit, ({ id }) => cursor.encode(id))
        }),
        grant: Effect.fn("UserAdministration.staff.grant")(function* (caller, userId, role, reason) {
          const shop = runBy(caller)
          if (Option.isNone(shop)) return yield* new UserNotFound({ userId })
          return yield* granted(userId, role, shop.value, shop.value, { actorId: caller.userId, reason })
        }),
        revoke: Effect.fn("UserAdministration.staff.revoke")(function* (caller, userId, role, reason) {
          const shop = runBy(caller)
          if (Option.isNone(shop)) return yield* new UserNotFound({ userId })
          return yield* revoked(userId, role, shop.value, { actorId: caller.userId, reason })
        })
      }

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
        revoke,
        staff
      })
    })
  )
}

const runBy = (caller: Principal) => shopOf(caller, "staff:administer")

const toManagedUser = (user: StoredUser) => new ManagedUser(Struct.omit(user, ["passwordHash", "tokenVersion"]))
