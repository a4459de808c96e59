import { ByteSize, Config, Context, Duration, Layer } from "effect"

const duration = (name: string, fallback: Duration.Input) =>
  Config.Duration(name).pipe(Config.withDefault(Duration.fromInputUnsafe(fallback)))

/** What an operator may set of disputes. */
export class DisputesConfig extends Context.Service<
  DisputesConfig,
  {
    /** How often the channel is asked about a dispute that is open. */
    readonly syncInterval: Duration.Duration
    /** How long before the bank stops listening we say so. */
    readonly warning: Duration.Duration
    /** Bytes of all evidence of one dispute together; what Stripe takes by default. */
    readonly evidenceLimit: number
    readonly dataFolder: string
  }
>()("@mall/payments/disputes/DisputesConfig") {
  static readonly layer = Layer.effect(
    DisputesConfig,
    Config.all({
      syncInterval: duration("DISPUTE_SYNC_INTERVAL", "1 hour"),
      warning: duration("DISPUTE_WARNING", "3 days"),
      evidenceLimit: Config.ByteSize("DISPUTE_EVIDENCE_LIMIT").pipe(
        Config.withDefault(ByteSize.bytes(4_500_000)),
        Config.map(ByteSize.toNumberUnsafe)
      ),
      dataFolder: Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall"))
    })
  )
}
