import type { AccountEvent } from "@mall/domain/identity/AccountEvent"
import { UserId } from "@mall/domain/identity/CurrentUser"
import type {
  LastAdministrator,
  PermissionNotHeld,
  RoleNotGrantable,
  UserNotFound
} from "@mall/domain/identity/IdentityError"
import type { Role } from "@mall/domain/identity/Permission"
import type { Email, ManagedUser, PersonalData } from "@mall/domain/identity/User"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Context, Effect, Layer, Option } from "effect"
import { makeAccountChanges, orNotFound } from "./accountChanges.ts"
import type { AccountChange, Act } from "./accountChanges.ts"
import { AccountEvents } from "./AccountEvents.ts"
import { makeRoleGrants } from "./roleGrants.ts"
import { toManagedUser } from "./toManagedUser.ts"
import { UserRepo } from "./UserRepo.ts"

const cursor = cursorOf(UserId)

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
  }
>()("@mall/identity/users/UserAdministration") {
  static readonly layerNoDeps = Layer.effect(
    UserAdministration,
    Effect.gen(function* () {
      const users = yield* UserRepo
      const events = yield* AccountEvents
      const audit = yield* makeAuditRecorder
      const roles = yield* makeRoleGrants
      const { assertOtherAdministrator, change } = yield* makeAccountChanges

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
              if (user.roles.includes("admin")) yield* assertOtherAdministrator(userId)
              const patch = { bannedAt: now, banReason: act.reason }
              return { type: "banned", patch, endsSessions: true } satisfies AccountChange
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
          roles.grant(userId, role, merchantId, undefined, act)
      )
      const revoke = Effect.fn("UserAdministration.revoke")((userId: UserId, role: Role, act: Act) =>
        roles.revoke(userId, role, undefined, act)
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
