import type { ManagedUser } from "@mall/domain/identity/User"
import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { IdentityAdminRpcs, IdentityStorefrontRpcs } from "@mall/domain/identity/IdentityRpcs"
import { maskUser } from "@mall/domain/identity/maskUser"
import { Effect } from "effect"
import { Accounts } from "./users/Accounts.ts"
import { Addresses } from "./users/Addresses.ts"
import { LoginRecords } from "./signin/LoginRecords.ts"
import { SecondFactors } from "./signin/SecondFactors.ts"
import { Sessions } from "./tokens/Sessions.ts"
import { StepUps } from "./signin/StepUps.ts"
import { UserAdministration } from "./users/UserAdministration.ts"
import type { Act } from "./users/accountChanges.ts"

export const IdentityStorefrontRpcHandlers = IdentityStorefrontRpcs.toLayer(
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const sessions = yield* Sessions
    const addresses = yield* Addresses
    const factors = yield* SecondFactors
    const logins = yield* LoginRecords
    const stepUps = yield* StepUps
    return IdentityStorefrontRpcs.of({
      "account.me": () => Effect.flatMap(CurrentUser, accounts.get),
      "account.update": (update) => Effect.flatMap(CurrentUser, (user) => accounts.update(user, update)),
      "account.delete": () => Effect.flatMap(CurrentUser, accounts.delete),
      "account.changePassword": (change) =>
        Effect.flatMap(CurrentUser, (user) => accounts.changePassword(user, change)),
      "account.logout": () => Effect.flatMap(CurrentUser, sessions.end),
      "account.stepUp": (proof) => Effect.flatMap(CurrentUser, (user) => stepUps.prove(user, proof)),
      "account.logins": (page) => Effect.flatMap(CurrentUser, ({ userId }) => logins.list(userId, page)),
      "account.startTotp": () => Effect.flatMap(CurrentUser, factors.start),
      "account.confirmTotp": ({ totp }) => Effect.flatMap(CurrentUser, (user) => factors.confirm(user, totp)),
      "account.removeTotp": () => Effect.flatMap(CurrentUser, factors.remove),
      "account.renewRecoveryCodes": () => Effect.flatMap(CurrentUser, factors.renewRecoveryCodes),
      "sessions.list": (page) => Effect.flatMap(CurrentUser, (user) => sessions.list(user, page)),
      "sessions.revoke": ({ sessionId }) => Effect.flatMap(CurrentUser, (user) => sessions.revoke(user, sessionId)),
      "addresses.list": (page) => Effect.flatMap(CurrentUser, (user) => addresses.list(user, page)),
      "addresses.create": ({ id, address }) =>
        Effect.flatMap(CurrentUser, (user) => addresses.create(user, id, address)),
      "addresses.replace": ({ id, address }) =>
        Effect.flatMap(CurrentUser, (user) => addresses.replace(user, id, address)),
      "addresses.delete": ({ id }) => Effect.flatMap(CurrentUser, (user) => addresses.delete(user, id))
    })
  })
)

export const IdentityAdminRpcHandlers = IdentityAdminRpcs.toLayer(
  Effect.gen(function* () {
    const users = yield* UserAdministration
    const logins = yield* LoginRecords
    const factors = yield* SecondFactors
    const actOf = (reason: string) => Effect.map(CurrentUser, ({ userId }) => ({ actorId: userId, reason }))
    const masked = <E, R>(act: Effect.Effect<Act, never, R>, change: (act: Act) => Effect.Effect<ManagedUser, E>) =>
      Effect.map(Effect.flatMap(act, change), maskUser)
    return IdentityAdminRpcs.of({
      "users.list": (query) =>
        Effect.map(users.list(query), ({ data, nextCursor }) => ({ data: data.map(maskUser), nextCursor })),
      "users.show": ({ userId }) => Effect.map(users.show(userId), maskUser),
      "users.unmask": ({ userId, reason }) => users.unmask(userId, reason),
      "users.history": ({ userId, ...page }) => users.history(userId, page),
      "users.ban": ({ userId, reason }) => masked(actOf(reason), (act) => users.ban(userId, act)),
      "users.unban": ({ userId, reason }) => masked(actOf(reason), (act) => users.unban(userId, act)),
      "users.logout": ({ userId, reason }) => Effect.flatMap(actOf(reason), (act) => users.logout(userId, act)),
      "users.logins": ({ userId, ...page }) => logins.list(userId, page),
      "users.resetMfa": ({ userId, reason }) => Effect.flatMap(actOf(reason), (act) => factors.reset(userId, act)),
      "users.grant": ({ userId, role, merchantId, reason }) =>
        masked(actOf(reason), (act) => users.grant(userId, role, merchantId, act)),
      "users.revoke": ({ userId, role, reason }) => masked(actOf(reason), (act) => users.revoke(userId, role, act))
    })
  })
)
