import type { Currency } from "@mall/domain/kernel/Currency"
import { Config, Context, Duration, Effect, Layer } from "effect"

/** In minor units of a currency. */
export interface Limits {
  readonly perRequest: number
  /** Within 24 hours. */
  readonly perDay: number
  /** Above this two people of the mall approve. */
  readonly approvalAbove: number
}

const Amount = (name: string) => Config.Int(name)

/** What applies to pay-outs and withdrawals. */
export class PayoutsConfig extends Context.Service<
  PayoutsConfig,
  {
    /** From the verification of an account until its first use. */
    readonly coolingOff: Duration.Duration
    /** By which a bank is told of new pay-outs. */
    readonly channel: string
    limitsOf(currency: Currency): Effect.Effect<Limits, Config.ConfigError>
  }
>()("@mall/treasury/payouts/PayoutsConfig") {
  static readonly layer = Layer.effect(
    PayoutsConfig,
    Effect.gen(function* () {
      const provider = yield* Effect.context<never>()
      const settings = yield* Config.all({
        coolingOff: Config.Duration("PAYOUT_COOLING_OFF").pipe(Config.withDefault(Duration.hours(24))),
        channel: Config.String("PAYOUT_CHANNEL").pipe(Config.withDefault("sandbank_api"))
      })
      const amountOf = (name: string, fallback: number, currency: Currency) =>
        Amount(`${name}_${currency}`).pipe(Config.orElse(() => Amount(name).pipe(Config.withDefault(fallback))))
      return PayoutsConfig.of({
        ...settings,
        limitsOf: (currency) =>
          Effect.provideContext(
            Config.all({
              perRequest: amountOf("WITHDRAWAL_LIMIT", 50_000_000, currency),
              perDay: amountOf("WITHDRAWAL_LIMIT_DAY", 100_000_000, currency),
              approvalAbove: amountOf("WITHDRAWAL_APPROVAL_ABOVE", 5_000_000, currency)
            }),
            provider
          )
      })
    })
  )
}
