import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { isGranted } from "@mall/domain/identity/Permission"
import { NoMerchant } from "@mall/domain/payments/Branding"
import { Effect, Option } from "effect"
import type { KeyHolder } from "./ApiKeys.ts"

const holderOf = ({ actorName, roles }: Principal): KeyHolder => ({
  actor: actorName,
  holds: (scope) => isGranted(roles, scope)
})

/** The caller, who may give keys what their own roles permit. */
export const currentAdministrator = Effect.map(CurrentUser, holderOf)

/** The same with their merchant. */
export const currentHolder = Effect.flatMap(CurrentUser, (user) =>
  Option.match(user.merchantId, {
    onNone: () => Effect.fail(new NoMerchant({})),
    onSome: (merchantId) => Effect.succeed({ ...holderOf(user), merchantId })
  })
)
