import { Config, Duration, Schema } from "effect"

/** 0 lets the system choose a free one. */
const ListenPort = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 }))

/** What an operator may set; every name is in the README with its default. */
export const SandboxConfig = Config.all({
  host: Config.String("SANDBOX_HOST").pipe(Config.withDefault("127.0.0.1")),
  port: Config.schema(ListenPort, "SANDBOX_PORT").pipe(Config.withDefault(8090)),
  /** Of the mail server. 0 lets the system choose one, which is what a server in the same process needs. */
  smtpPort: Config.schema(ListenPort, "SANDBOX_SMTP_PORT").pipe(Config.withDefault(0)),
  dataFolder: Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall")),
  /** Multiplies every pause between two deliveries of one callback: 0.001 makes 24 hours 86 seconds. */
  retryScale: Config.schema(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)), "SANDBOX_RETRY_SCALE").pipe(
    Config.withDefault(1)
  ),
  /** From the acceptance of a refund until the channel has paid it out. */
  refundDelay: Config.Duration("SANDBOX_REFUND_DELAY").pipe(Config.withDefault(Duration.seconds(1)))
})
