import { ByteSize, Config, Context, Duration, Layer } from "effect"

const duration = (name: string, fallback: Duration.Input) =>
  Config.Duration(name).pipe(Config.withDefault(Duration.fromInputUnsafe(fallback)))

/** What an operator may set of merchants. */
export class MerchantsConfig extends Context.Service<
  MerchantsConfig,
  {
    /** Bytes of one document. */
    readonly documentLimit: number
    /** Documents of one application, the former ones among them. */
    readonly documentCount: number
    /** After how long a merchant is looked at again where no document expires before. */
    readonly recheckInterval: Duration.Duration
    /** How long before that we say so. */
    readonly expiryWarning: Duration.Duration
  }
>()("@mall/merchants/MerchantsConfig") {
  static readonly layer = Layer.effect(
    MerchantsConfig,
    Config.all({
      documentLimit: Config.ByteSize("MERCHANT_DOCUMENT_LIMIT").pipe(
        Config.withDefault(ByteSize.bytes(1_000_000)),
        Config.map(ByteSize.toNumberUnsafe)
      ),
      documentCount: Config.Int("MERCHANT_DOCUMENT_COUNT").pipe(Config.withDefault(50)),
      recheckInterval: duration("MERCHANT_RECHECK_INTERVAL", "730 days"),
      expiryWarning: duration("MERCHANT_EXPIRY_WARNING", "30 days")
    })
  )
}
