import { RoleNotGrantable } from "@mall/domain/identity/IdentityError"
import type { Role } from "@mall/domain/identity/Permission"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Effect } from "effect"
import type { StoredUser } from "../users/StoredUser.ts"
import type { CompiledPolicy } from "./CompiledPolicy.ts"

/** The roles of a user after a change. */
export interface RoleChange {
  readonly roles: ReadonlyArray<Role>
  readonly shopRoles: ReadonlyArray<Role>
  readonly merchantId: MerchantId | null
}

const refused = (reason: string) => Effect.fail(new RoleNotGrantable({ reason }))
const customerStays = refused("Every account is a customer; ban it to keep its owner out")

const without = (roles: ReadonlyArray<Role>, role: Role) => roles.filter((each) => each !== role)
const rolesOf = ({ roles, shopRoles, merchantId }: StoredUser): RoleChange => ({ roles, shopRoles, merchantId })

/** Gives a role for the mall, or within a shop; undefined where the user has it. A user is staff of one shop at most. */
export const granting = (
  policy: CompiledPolicy,
  user: StoredUser,
  role: Role,
  merchantId: MerchantId | null
): Effect.Effect<RoleChange | undefined, RoleNotGrantable> => {
  if (role === "customer") return customerStays
  if (!policy.roles.has(role)) return refused(`There is no role ${role}`)
  if (role === "admin" && merchantId !== null) return refused("The role admin is for the whole mall")
  if (role === "merchant" && merchantId === null) return refused("The role merchant is granted for a shop")
  if (merchantId !== null && user.merchantId !== null && user.merchantId !== merchantId) {
    return refused("The user is staff of another shop; revoke that first")
  }
  const isInShop = merchantId !== null && role !== "merchant"
  const before = isInShop ? user.shopRoles : user.roles
  if (before.includes(role)) return Effect.undefined
  const change = isInShop ? { shopRoles: [...before, role] } : { roles: [...before, role] }
  return Effect.succeed({ ...rolesOf(user), ...change, merchantId: merchantId ?? user.merchantId })
}

/** Takes a role where the user has it, in the mall unless `onlyInShop`, and within the shop; undefined where they do not. */
export const revoking = (
  user: StoredUser,
  role: Role,
  onlyInShop: boolean
): Effect.Effect<RoleChange | undefined, RoleNotGrantable> => {
  if (role === "customer") return customerStays
  const isKept = onlyInShop && role !== "merchant"
  const roles = isKept ? user.roles : without(user.roles, role)
  const shopRoles = without(user.shopRoles, role)
  if (roles.length === user.roles.length && shopRoles.length === user.shopRoles.length) return Effect.undefined
  const isStaff = roles.includes("merchant") || shopRoles.length > 0
  return Effect.succeed({ roles, shopRoles, merchantId: isStaff ? user.merchantId : null })
}
