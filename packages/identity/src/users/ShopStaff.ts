import { shopOf, UserId } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { LastAdministrator, PermissionNotHeld, RoleNotGrantable } from "@mall/domain/identity/IdentityError"
import { UserNotFound } from "@mall/domain/identity/IdentityError"
import type { Role } from "@mall/domain/identity/Permission"
import type { ManagedUser } from "@mall/domain/identity/User"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import { readsOf } from "@mall/platform/Tenancy"
import { Context, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { makeRoleGrants } from "./roleGrants.ts"
import { toManagedUser } from "./toManagedUser.ts"
import { UserRepo } from "./UserRepo.ts"

const cursor = cursorOf(UserId)

const runBy = (caller: Principal) => shopOf(caller, "staff:administer")

/**
 * The staff of the shop that the caller runs: others do not exist for them. Somebody becomes staff by `grant`, which only
 * the mall's own administrators do, so that no shop takes people who did not ask for it.
 */
export class ShopStaff extends Context.Service<
  ShopStaff,
  {
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
>()("@mall/identity/users/ShopStaff") {
  static readonly layerNoDeps = Layer.effect(
    ShopStaff,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const users = yield* UserRepo
      const roles = yield* makeRoleGrants

      return ShopStaff.of({
        list: Effect.fn("ShopStaff.list")(function* (caller, page) {
          const limit = page.limit ?? defaultLimit
          const before = page.after === undefined ? undefined : yield* cursor.decode(page.after)
          const shop = runBy(caller)
          if (Option.isNone(shop)) return { data: [], nextCursor: null }
          const rows = yield* users
            .listStaff(shop.value, { before, limit: limit + 1 })
            .pipe(readsOf(sql, "mall_store_tenant", { merchantId: shop.value }), Effect.orDie)
          return toPage(rows.map(toManagedUser), limit, ({ id }) => cursor.encode(id))
        }),
        grant: Effect.fn("ShopStaff.grant")(function* (caller, userId, role, reason) {
          const shop = runBy(caller)
          if (Option.isNone(shop)) return yield* new UserNotFound({ userId })
          return yield* roles.grant(userId, role, shop.value, shop.value, { actorId: caller.userId, reason })
        }),
        revoke: Effect.fn("ShopStaff.revoke")(function* (caller, userId, role, reason) {
          const shop = runBy(caller)
          if (Option.isNone(shop)) return yield* new UserNotFound({ userId })
          return yield* roles.revoke(userId, role, shop.value, { actorId: caller.userId, reason })
        })
      })
    })
  )
}
