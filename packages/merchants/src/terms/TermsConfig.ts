import { Config, Context, Duration, Effect, Layer } from "effect"

/** How merchants' terms are kept. */
export class TermsConfig extends Context.Service<
  TermsConfig,
  {
    /** How long before they count new terms must be said: longer than a transaction takes, and than a cache may be behind. */
    readonly lead: Duration.Duration
  }
>()("@mall/merchants/terms/TermsConfig") {
  static readonly layer = Layer.effect(
    TermsConfig,
    Effect.gen(function* () {
      return TermsConfig.of({
        lead: yield* Config.Duration("MERCHANT_TERMS_LEAD").pipe(Config.withDefault(Duration.minutes(1)))
      })
    })
  )
}
