import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { MerchantStanding } from "@mall/domain/merchants/MerchantStanding"
import { Context, Effect, Layer } from "effect"

/** The merchants who are suspended, as a test says; all others are active. */
export class SuspendedMerchants extends Context.Service<SuspendedMerchants, Set<MerchantId>>()(
  "@mall/payments/test/SuspendedMerchants"
) {}

/** What merchants' standings are to payments under test. */
export const MerchantsStand = Layer.effectContext(
  Effect.sync(() => {
    const suspended = new Set<MerchantId>()
    return Context.make(SuspendedMerchants, suspended).pipe(
      Context.add(MerchantStanding, {
        of: (merchantId) => Effect.sync(() => (suspended.has(merchantId) ? "suspended" : "active"))
      })
    )
  })
)
