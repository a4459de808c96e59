import { CurrentUser, mayEverywhere, shopOf } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { NoShopToExchangeFor } from "@mall/domain/treasury/FxError"
import { Effect, Option } from "effect"

/** Whose quotes are seen: `all` is for operators, null sees none. */
export type Sees = "all" | MerchantId | null

export const seenBy = (principal: Principal): Sees =>
  mayEverywhere(principal, "fx:administer") ? "all" : Option.getOrNull(shopOf(principal, "fx:read"))

/** The shop for which the caller exchanges, and how the history and the books name the caller. */
export const exchanger = Effect.flatMap(CurrentUser, (principal) =>
  Option.match(shopOf(principal, "fx:convert"), {
    onNone: () => Effect.fail(new NoShopToExchangeFor({})),
    onSome: (merchantId) => Effect.succeed({ merchantId, actor: principal.actorName })
  })
)
