import type { Currency } from "@mall/domain/kernel/Currency"
import { mayUseChannel, mayUseMethod } from "@mall/domain/merchants/PaymentPolicy"
import type { PaymentPolicy } from "@mall/domain/merchants/PaymentPolicy"
import { PaymentWayNotAllowed } from "@mall/domain/merchants/PolicyError"
import type { ChannelId } from "@mall/domain/payments/Payment"
import { Effect } from "effect"
import { countTermsRefusal } from "../paymentMetrics.ts"

/** Refuses a way to pay that the merchant's policy leaves out. A method of null is any. */
export const assertWay = (
  policy: PaymentPolicy,
  { channel, method }: { readonly channel: ChannelId; readonly method: string | null },
  currency: Currency
): Effect.Effect<void, PaymentWayNotAllowed> => {
  const isChannel = mayUseChannel(policy, channel)
  if (isChannel && (method === null || mayUseMethod(policy, method))) return Effect.void
  const { channels, methods } = policy
  return Effect.andThen(
    countTermsRefusal(isChannel ? "method" : "channel", currency),
    Effect.fail(new PaymentWayNotAllowed({ channel, method, channels, methods }))
  )
}
