import { CurrentUser, shopOf } from "@mall/domain/identity/CurrentUser"
import { NotStaff } from "@mall/domain/treasury/PayoutError"
import { Effect, Option } from "effect"

/** The shop whose staff calls, and who they are. */
export const ownShop = Effect.flatMap(CurrentUser, (user) =>
  Option.match(shopOf(user, "payouts:accounts", "withdrawals:create"), {
    onNone: () => Effect.fail(new NotStaff({})),
    onSome: (merchantId) => Effect.succeed({ merchantId, actor: user.actorName })
  })
)
