import type { UserId } from "@mall/domain/identity/CurrentUser"
import { PermissionNotHeld } from "@mall/domain/identity/IdentityError"
import type { Permission } from "@mall/domain/identity/Permission"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Effect, Option } from "effect"
import type { UserRepo } from "../users/UserRepo.ts"
import type { CompiledPolicy } from "./CompiledPolicy.ts"

/**
 * Fails where `actorId` lacks one of `permissions`, which they would open to others: for the shop, or for the whole mall
 * where there is none. What they hold is read, not believed of a token. An operator at the command line (null) has the
 * database in hand, and so holds all there is.
 */
export const assertHeld = Effect.fnUntraced(function* (
  users: UserRepo["Service"],
  policy: CompiledPolicy,
  actorId: UserId | null,
  permissions: ReadonlySet<Permission>,
  merchantId: MerchantId | null
) {
  if (actorId === null) return
  const actor = Option.getOrUndefined(yield* users.findById(actorId))
  const isIn = actor !== undefined && actor.bannedAt === null && actor.deletedAt === null
  const { mall, shop } = policy.authorityOf(isIn ? actor : { roles: [], shopRoles: [] })
  const isOwnShop = merchantId !== null && actor?.merchantId === merchantId
  const missing = permissions.difference(isOwnShop ? mall.union(shop) : mall)
  if (missing.size > 0) return yield* new PermissionNotHeld({ permissions: [...missing] })
})
