import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { PolicyChangeId } from "@mall/domain/identity/Policy"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect } from "effect"
import { ShopStaff } from "../users/ShopStaff.ts"
import { UserAdministration } from "../users/UserAdministration.ts"
import { PolicyAdministration } from "./PolicyAdministration.ts"

const changeId = Effect.map(Operation, ({ id }) => PolicyChangeId.make(id))

export const PolicyHttp = ApiGroup.group(
  MallApi,
  "policy",
  Effect.fn(function* (handlers) {
    const policy = yield* PolicyAdministration
    return handlers.handleAll({
      show: () => policy.current,
      versions: ({ query }) => policy.versions(query),
      version: ({ params }) => policy.find(params.version),
      explain: ({ query }) => policy.explain({ ...query, merchantId: query.merchantId ?? null }),
      whoCan: ({ query }) => policy.whoCan(query),
      diff: ({ payload }) => policy.diff(payload.document),
      apply: ({ payload }) =>
        Effect.flatMap(Effect.all([changeId, CurrentUser]), ([id, user]) => policy.apply(id, payload, user)),
      rollback: ({ payload }) =>
        Effect.flatMap(Effect.all([changeId, CurrentUser]), ([id, user]) => policy.rollback(id, payload, user))
    })
  })
)

export const AssignmentsHttp = ApiGroup.group(
  MallApi,
  "assignments",
  Effect.fn(function* (handlers) {
    const users = yield* UserAdministration
    const actOf = (reason: string) => CurrentUser.useSync(({ userId }) => ({ actorId: userId, reason }))
    return handlers.handleAll({
      grant: ({ params, payload: { merchantId, reason, role } }) =>
        Effect.flatMap(actOf(reason), (act) => users.grant(params.userId, role, merchantId, act)),
      revoke: ({ params: { role, userId }, payload }) =>
        Effect.flatMap(actOf(payload.reason), (act) => users.revoke(userId, role, act))
    })
  })
)

export const StaffHttp = ApiGroup.group(
  MallApi,
  "staff",
  Effect.fn(function* (handlers) {
    const staff = yield* ShopStaff
    return handlers.handleAll({
      list: ({ query }) => CurrentUser.use((user) => staff.list(user, query)),
      grant: ({ params, payload: { reason, role } }) =>
        CurrentUser.use((user) => staff.grant(user, params.userId, role, reason)),
      revoke: ({ params: { role, userId }, payload }) =>
        CurrentUser.use((user) => staff.revoke(user, userId, role, payload.reason))
    })
  })
)
