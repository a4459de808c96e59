import { Config, Context, Duration, Layer, Option, Schema } from "effect"

/** Where the rates of a process come from that was not told: of one with a sandbox in it, from the sandbox. */
export const DefaultRatesUrl = Context.Reference<Option.Option<string>>("@mall/treasury/exchange/DefaultRatesUrl", {
  defaultValue: Option.none
})

const lock = Schema.Int.check(Schema.isBetween({ minimum: 30, maximum: 300 }))
const spread = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2000 }))
const percent = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))

const settings = Config.all({
  /** How long a quote keeps its rate. */
  quoteSeconds: Config.schema(lock, "FX_QUOTE_SECONDS").pipe(Config.withDefault(60)),
  /** Nothing is exchanged by published rates that are older: there are none on Easter's four days. */
  maxAge: Config.Duration("FX_RATE_MAX_AGE").pipe(Config.withDefault(Duration.hours(126))),
  /** The same of rates by hand, which go before published ones until then. */
  manualMaxAge: Config.Duration("FX_MANUAL_RATE_MAX_AGE").pipe(Config.withDefault(Duration.hours(24))),
  /** A published rate that differs by more from the one before it is held for a person. */
  outlierPercent: Config.schema(percent, "FX_OUTLIER_PERCENT").pipe(Config.withDefault(5)),
  /** Where no spread is set. */
  defaultSpread: Config.schema(spread, "FX_DEFAULT_SPREAD").pipe(Config.withDefault(100))
})

/** How rates are used. */
export class ExchangeConfig extends Context.Service<ExchangeConfig, Config.Success<typeof settings>>()(
  "@mall/treasury/exchange/ExchangeConfig"
) {
  static readonly layer = Layer.effect(ExchangeConfig, settings)
}
