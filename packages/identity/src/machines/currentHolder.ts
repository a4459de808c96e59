import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { mayEverywhere, shopOf } from "@mall/domain/identity/CurrentUser"
import { NoMerchant } from "@mall/domain/payments/Branding"
import { Effect, Option } from "effect"
import type { KeyHolder } from "./ApiKeys.ts"

/** The caller, who may give keys of any shop what the policy in force lets them do in the whole mall. */
export const currentAdministrator = Effect.map(CurrentUser, (user): KeyHolder => ({
  actor: user.actorName,
  holds: (scope) => mayEverywhere(user, scope)
}))

/** The same with their merchant, for whose keys what they may do there counts too. */
export const currentHolder = Effect.flatMap(CurrentUser, (user) =>
  Option.match(user.merchantId, {
    onNone: () => Effect.fail(new NoMerchant({})),
    onSome: (merchantId) =>
      Effect.succeed({
        actor: user.actorName,
        holds: (scope: Parameters<KeyHolder["holds"]>[0]) =>
          mayEverywhere(user, scope) || Option.isSome(shopOf(user, scope)),
        merchantId
      })
  })
)
