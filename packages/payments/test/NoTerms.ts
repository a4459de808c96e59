import { FeeSchedule } from "@mall/domain/merchants/FeeSchedule"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentPolicies } from "@mall/domain/merchants/PaymentPolicies"
import { unrestricted } from "@mall/domain/merchants/PaymentPolicy"
import type { PaymentPolicy } from "@mall/domain/merchants/PaymentPolicy"
import { PaymentQuotas } from "@mall/domain/merchants/PaymentQuotas"
import { Effect, Layer } from "effect"

/** The policies that tests agreed on, each for a merchant of its own. */
export const agreedPolicies = new Map<MerchantId | null, PaymentPolicy>()

const policyOf = (merchantId: MerchantId | null) => agreedPolicies.get(merchantId) ?? unrestricted

/** Merchants with whom nothing is agreed but by tests: they pay nothing, and their payments may be anything. */
export const NoTerms = Layer.mergeAll(
  Layer.succeed(FeeSchedule, {
    charge: () => Effect.succeed([]),
    chargeDisputes: () => Effect.succeed([]),
    kept: () => Effect.succeed(new Map()),
    keptOfDisputes: () => Effect.succeed(new Map())
  }),
  Layer.succeed(PaymentPolicies, { of: (merchantId) => Effect.sync(() => policyOf(merchantId)), peek: policyOf }),
  Layer.succeed(PaymentQuotas, {
    admit: () => Effect.undefined,
    hold: () => Effect.succeed(new Map()),
    settle: () => Effect.void
  })
)
