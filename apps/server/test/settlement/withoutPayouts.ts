import { NoPayoutAccount, Payouts } from "@mall/domain/treasury/Payouts"
import { Effect, Layer } from "effect"

/** For a platform on which merchants have no accounts to be paid out to: what is settled stays ready. */
export const withoutPayouts = Layer.succeed(Payouts, {
  request: ({ merchantId, money }) =>
    Effect.fail(new NoPayoutAccount({ merchantId, currency: money.currency, usableFrom: null }))
})
