import { Context, Schema } from "effect"
import type { Effect } from "effect"
import type { MerchantId } from "./Merchant.ts"

/**
 * Whether a merchant may do business. `restricted`: what is known of them has expired, so that what they have earned waits for a
 * new check; `suspended`: staff have stopped them, and nothing new is taken for them.
 */
export const Standing = Schema.Literals(["active", "restricted", "suspended"]).annotate({
  identifier: "MerchantStanding"
})
export type Standing = typeof Standing.Type

/**
 * The port by which other contexts ask for a merchant's standing. Owned by merchants; answered from memory, which a change
 * reaches within the flight of a notification. A merchant of whom nothing is kept is active.
 */
export class MerchantStanding extends Context.Service<
  MerchantStanding,
  {
    of(merchantId: MerchantId): Effect.Effect<Standing>
  }
>()("@mall/domain/merchants/MerchantStanding") {}
