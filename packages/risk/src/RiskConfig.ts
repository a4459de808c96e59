import { Config, Context, Duration, Layer, Schema } from "effect"
import type { Thresholds } from "./decide.ts"

/** `CNY:50000,USD:7000`: an amount in minor units for each currency; a blank text names none. */
const Amounts = Schema.String.check(Schema.isPattern(/^\s*([A-Z]{3,5}:\d{1,15}(\s*,\s*[A-Z]{3,5}:\d{1,15})*)?\s*$/))

const amounts = (name: string, fallback: string) =>
  Config.schema(Amounts, name).pipe(
    Config.withDefault(fallback),
    Config.map((text): ReadonlyMap<string, number> => {
      const entries = text.split(",").map((entry) => entry.trim().split(":"))
      return new Map(entries.map(([currency = "", amount]) => [currency, Number(amount)]))
    })
  )

const duration = (name: string, fallback: Duration.Input) =>
  Config.Duration(name).pipe(Config.withDefault(Duration.fromInputUnsafe(fallback)))
const count = (name: string, fallback: number) => Config.Int(name).pipe(Config.withDefault(fallback))

/** From how many on the built-in guards against card testing hit. */
export interface CardTestingLimits {
  readonly cards: number
  readonly pairTries: number
  readonly guestTries: number
  readonly customerTries: number
  readonly networkTries: number
  readonly smallTries: number
  readonly declines: number
}

/** The thresholds and limits of risk, each with its name in the environment. */
export class RiskConfig extends Context.Service<
  RiskConfig,
  {
    readonly thresholds: Thresholds
    readonly cardTesting: CardTestingLimits
    /** What counts as a small amount, in minor units of each currency. */
    readonly smallAmounts: ReadonlyMap<string, number>
    /** How long a check may take. */
    readonly timeout: Duration.Duration
    /** Up to which amount a payment passes that could not be checked. In a currency that is not named none does. */
    readonly openUpTo: ReadonlyMap<string, number>
    readonly factsLifetime: Duration.Duration
    /** How long a payment may wait for a person; never longer than it may be paid. */
    readonly reviewLifetime: Duration.Duration
    /** How many checks one back-test replays at most. */
    readonly backtestMaxChecks: number
  }
>()("@mall/risk/RiskConfig") {
  static readonly layer = Layer.effect(
    RiskConfig,
    Config.all({
      thresholds: Config.all({
        challenge: count("RISK_CHALLENGE_SCORE", 50),
        review: count("RISK_REVIEW_SCORE", 70),
        deny: count("RISK_DENY_SCORE", 100)
      }),
      cardTesting: Config.all({
        cards: count("RISK_CARDS", 4),
        pairTries: count("RISK_PAIR_TRIES", 6),
        guestTries: count("RISK_GUEST_TRIES", 20),
        customerTries: count("RISK_CUSTOMER_TRIES", 30),
        networkTries: count("RISK_NETWORK_TRIES", 100),
        smallTries: count("RISK_SMALL_TRIES", 15),
        declines: count("RISK_DECLINES", 8)
      }),
      smallAmounts: amounts("RISK_SMALL_AMOUNTS", "CNY:700,USD:100,EUR:100,GBP:100,JPY:150"),
      timeout: duration("RISK_TIMEOUT", "500 millis"),
      openUpTo: amounts("RISK_FAIL_OPEN_UP_TO", "CNY:50000,USD:7000,EUR:7000,GBP:6000,JPY:10000"),
      factsLifetime: duration("RISK_FACTS_LIFETIME", "90 days"),
      reviewLifetime: duration("RISK_REVIEW_LIFETIME", "24 hours"),
      backtestMaxChecks: count("RISK_BACKTEST_MAX_CHECKS", 500_000)
    })
  )
}
