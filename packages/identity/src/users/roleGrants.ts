import type { UserId } from "@mall/domain/identity/CurrentUser"
import type { RoleNotGrantable } from "@mall/domain/identity/IdentityError"
import { UserNotFound } from "@mall/domain/identity/IdentityError"
import type { Role } from "@mall/domain/identity/Permission"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Effect } from "effect"
import { assertHeld } from "../policy/assertHeld.ts"
import { administers, Policies } from "../policy/Policies.ts"
import { granting, revoking } from "../policy/roleChanges.ts"
import type { RoleChange } from "../policy/roleChanges.ts"
import { makeAccountChanges } from "./accountChanges.ts"
import type { AccountChange, Act } from "./accountChanges.ts"
import type { StoredUser } from "./StoredUser.ts"
import { toManagedUser } from "./toManagedUser.ts"
import { UserRepo } from "./UserRepo.ts"

/** How roles are given and taken: of anybody, or of the staff of the shop `onlyOf` alone. */
export const makeRoleGrants = Effect.gen(function* () {
  const users = yield* UserRepo
  const policies = yield* Policies
  const { assertOtherAdministrator, change } = yield* makeAccountChanges

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
        if (isAdministrator && isLoss && user.bannedAt === null) yield* assertOtherAdministrator(userId)
        const subject = merchantId === null ? role : `${role} of ${merchantId}`
        return { type, subject, patch: after, endsSessions: false } satisfies AccountChange
      }),
      true
    ).pipe(Effect.map(toManagedUser))
  }

  const grant = (
    userId: UserId,
    role: Role,
    merchantId: MerchantId | null,
    onlyOf: MerchantId | undefined,
    act: Act
  ) => {
    const decide = (user: StoredUser) => granting(policies.current(), user, role, merchantId)
    return changeRoles({ userId, role, type: "role_granted", onlyOf, scopeOf: () => merchantId, decide }, act)
  }

  const revoke = (userId: UserId, role: Role, onlyOf: MerchantId | undefined, act: Act) => {
    const decide = (user: StoredUser) => revoking(user, role, onlyOf !== undefined)
    // what is held in the mall is the larger part of what is taken
    const scopeOf = (user: StoredUser) => {
      const isInMall = onlyOf === undefined && role !== "merchant" && user.roles.includes(role)
      return isInMall ? null : user.merchantId
    }
    return changeRoles({ userId, role, type: "role_revoked", onlyOf, scopeOf, decide }, act)
  }

  return { grant, revoke }
})
