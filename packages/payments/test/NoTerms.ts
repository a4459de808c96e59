import { FeeSchedule } from "@mall/domain/merchants/FeeSchedule"
import { PaymentQuotas } from "@mall/domain/merchants/PaymentQuotas"
import { Effect, Layer } from "effect"

/** Merchants with whom nothing is agreed: they pay nothing, and their payments may be anything. */
export const NoTerms = Layer.mergeAll(
  Layer.succeed(FeeSchedule, { charge: () => Effect.succeed([]), kept: () => Effect.succeed(new Map()) }),
  Layer.succeed(PaymentQuotas, {
    admit: () => Effect.undefined,
    hold: () => Effect.succeed(new Map()),
    settle: () => Effect.void
  })
)
