import { Config, Context, Duration, Layer } from "effect"

const duration = (name: string, fallback: Duration.Input) =>
  Config.Duration(name).pipe(Config.withDefault(Duration.fromInputUnsafe(fallback)))

/** The windows and limits of payments, each with its name in the environment. */
export class PaymentsConfig extends Context.Service<
  PaymentsConfig,
  {
    /** How long a payment may be paid where its creator does not say. */
    readonly expiry: Duration.Duration
    /** How long after it was made a payment may be taken up again. */
    readonly resumeWindow: Duration.Duration
    readonly ticketLifetime: Duration.Duration
    /** How long a sending of a notice is remembered, so that it cannot be played back. Above twice the channels' windows. */
    readonly nonceLifetime: Duration.Duration
    readonly securityEventLifetime: Duration.Duration
    /** How long calls to channels are kept in the payment log. */
    readonly logLifetime: Duration.Duration
    /** After so many failed runs a notice is parked for an operator: 14 of them take some three days. */
    readonly callbackMaxRuns: number
  }
>()("@mall/payments/PaymentsConfig") {
  static readonly layer = Layer.effect(
    PaymentsConfig,
    Config.all({
      expiry: duration("PAYMENT_EXPIRY", "30 minutes"),
      resumeWindow: duration("PAYMENT_RESUME_WINDOW", "30 minutes"),
      ticketLifetime: duration("PAYMENT_TICKET_LIFETIME", "5 minutes"),
      nonceLifetime: duration("PAYMENT_NONCE_LIFETIME", "20 minutes"),
      securityEventLifetime: duration("PAYMENT_SECURITY_EVENT_LIFETIME", "90 days"),
      logLifetime: duration("PAYMENT_LOG_LIFETIME", "180 days"),
      callbackMaxRuns: Config.Int("PAYMENT_CALLBACK_MAX_RUNS").pipe(Config.withDefault(14))
    })
  )
}
