import { MerchantStanding } from "@mall/domain/merchants/MerchantStanding"
import { Effect, Layer } from "effect"

/** Merchants of whom none is suspended. */
export const MerchantsStand = Layer.succeed(MerchantStanding, { of: () => Effect.succeed("active") })
