import { CurrentUser, UserId } from "@mall/domain/identity/CurrentUser"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { Effect } from "effect"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Accounts } from "./Accounts.ts"
import { LoginRecords } from "../signin/LoginRecords.ts"
import { SecondFactors } from "../signin/SecondFactors.ts"
import { Sessions } from "../tokens/Sessions.ts"
import { withRetryAfter } from "../signin/withRetryAfter.ts"

export const UsersHttp = ApiGroup.group(
  MallApi,
  "users",
  Effect.fn(function* (handlers) {
    const accounts = yield* Accounts
    return handlers.handleAll({
      register: ({ payload }) =>
        withRetryAfter(Effect.flatMap(Operation, ({ id }) => accounts.register(UserId.make(id), payload)))
    })
  })
)

export const AccountHttp = ApiGroup.group(
  MallApi,
  "account",
  Effect.fn(function* (handlers) {
    const accounts = yield* Accounts
    const sessions = yield* Sessions
    const factors = yield* SecondFactors
    const logins = yield* LoginRecords
    return handlers.handleAll({
      get: () => Effect.flatMap(CurrentUser, accounts.get),
      update: ({ payload }) => Effect.flatMap(CurrentUser, (user) => accounts.update(user, payload)),
      delete: () => Effect.flatMap(CurrentUser, accounts.delete),
      changePassword: ({ payload }) =>
        withRetryAfter(Effect.flatMap(CurrentUser, (user) => accounts.changePassword(user, payload))),
      listSessions: ({ query }) => Effect.flatMap(CurrentUser, (user) => sessions.list(user, query)),
      listDevices: () => Effect.flatMap(CurrentUser, sessions.devices),
      revokeSession: ({ params }) => Effect.flatMap(CurrentUser, (user) => sessions.revoke(user, params.id)),
      listLogins: ({ query }) => Effect.flatMap(CurrentUser, ({ userId }) => logins.list(userId, query)),
      startTotp: () => Effect.flatMap(CurrentUser, factors.start),
      confirmTotp: ({ payload }) => Effect.flatMap(CurrentUser, (user) => factors.confirm(user, payload.totp)),
      removeTotp: () => Effect.flatMap(CurrentUser, factors.remove),
      renewRecoveryCodes: () => Effect.flatMap(CurrentUser, factors.renewRecoveryCodes)
    })
  })
)
