import { Context } from "effect"
import type { Effect } from "effect"
import type { MerchantId } from "./Merchant.ts"
import type { PaymentPolicy } from "./PaymentPolicy.ts"

/**
 * The port by which payments learn how a merchant's payments may be paid and given back at a time. Owned by merchants; answered from
 * memory, where a change arrives before it counts. Nobody's payments, the mall's own, may be paid in any way.
 */
export class PaymentPolicies extends Context.Service<
  PaymentPolicies,
  {
    /** Never to be asked within a transaction. */
    of(merchantId: MerchantId | null, at: Date): Effect.Effect<PaymentPolicy>
    /** The same without waiting; undefined where it is not known yet. */
    peek(merchantId: MerchantId | null, at: Date): PaymentPolicy | undefined
  }
>()("@mall/domain/merchants/PaymentPolicies") {}
