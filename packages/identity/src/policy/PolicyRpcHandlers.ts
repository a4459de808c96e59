import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { BlockAdminRpcs, PolicyAdminRpcs, StaffMerchantRpcs } from "@mall/domain/identity/PolicyRpcs"
import { Effect } from "effect"
import { Blocks } from "../blocks/Blocks.ts"
import { currentBlocker } from "../blocks/currentBlocker.ts"
import { ShopStaff } from "../users/ShopStaff.ts"
import { PolicyAdministration } from "./PolicyAdministration.ts"

export const PolicyAdminRpcHandlers = PolicyAdminRpcs.toLayer(
  Effect.gen(function* () {
    const policy = yield* PolicyAdministration
    return PolicyAdminRpcs.of({
      "policy.show": () => policy.current,
      "policy.versions": policy.versions,
      "policy.explain": policy.explain,
      "policy.whoCan": policy.whoCan,
      "policy.diff": ({ document }) => policy.diff(document),
      "policy.apply": ({ change, id }) => CurrentUser.use((user) => policy.apply(id, change, user)),
      "policy.rollback": ({ id, rollback }) => CurrentUser.use((user) => policy.rollback(id, rollback, user))
    })
  })
)

export const BlockAdminRpcHandlers = BlockAdminRpcs.toLayer(
  Effect.gen(function* () {
    const blocks = yield* Blocks
    return BlockAdminRpcs.of({
      "blocks.list": blocks.list,
      "blocks.add": ({ block, id }) => Effect.flatMap(currentBlocker, (by) => blocks.add(id, block, by)),
      "blocks.remove": ({ id, removal }) =>
        Effect.flatMap(currentBlocker, (by) => blocks.remove(id, removal.reason, by))
    })
  })
)

export const StaffMerchantRpcHandlers = StaffMerchantRpcs.toLayer(
  Effect.gen(function* () {
    const staff = yield* ShopStaff
    return StaffMerchantRpcs.of({
      "staff.list": (page) => CurrentUser.use((user) => staff.list(user, page)),
      "staff.grant": ({ reason, role, userId }) => CurrentUser.use((user) => staff.grant(user, userId, role, reason)),
      "staff.revoke": ({ reason, role, userId }) => CurrentUser.use((user) => staff.revoke(user, userId, role, reason))
    })
  })
)
