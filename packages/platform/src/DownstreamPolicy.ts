import { Config, Duration, Effect, Option, String } from "effect"

export interface Policy {
  /** How long one attempt may take. */
  readonly timeout: Duration.Duration
  readonly maxAttempts: number
  /** Before the second attempt, and twice as long before each further one, by ±20 %. */
  readonly retryDelay: Duration.Duration
  /** Calls under way at the same time. */
  readonly maxConcurrent: number
  /** Calls that wait for their turn; one more is refused. */
  readonly maxQueued: number
  /** Calls in a row without an answer that open the breaker of their operation. */
  readonly breakerFailures: number
  /** How long it stays open at first; twice as long after each probe that fails. */
  readonly breakerOpen: Duration.Duration
  /** How long it stays open at most, until the next probe. */
  readonly breakerLongest: Duration.Duration
}

const defaults: Policy = {
  timeout: Duration.seconds(5),
  maxAttempts: 3,
  retryDelay: Duration.millis(200),
  maxConcurrent: 64,
  maxQueued: 128,
  breakerFailures: 5,
  breakerOpen: Duration.seconds(10),
  breakerLongest: Duration.minutes(1)
}

/** For all of them. */
const CommonConfig = Config.all({
  timeout: Config.option(Config.Duration("DOWNSTREAM_TIMEOUT")),
  maxAttempts: Config.option(Config.Int("DOWNSTREAM_MAX_ATTEMPTS")),
  retryDelay: Config.option(Config.Duration("DOWNSTREAM_RETRY_DELAY")),
  maxConcurrent: Config.option(Config.Int("DOWNSTREAM_MAX_CONCURRENT")),
  maxQueued: Config.option(Config.Int("DOWNSTREAM_MAX_QUEUED")),
  breakerFailures: Config.option(Config.Int("DOWNSTREAM_BREAKER_FAILURES")),
  breakerOpen: Config.option(Config.Duration("DOWNSTREAM_BREAKER_OPEN")),
  breakerLongest: Config.option(Config.Duration("DOWNSTREAM_BREAKER_LONGEST"))
})

/** For one of them, before those for all. */
const configOf = (name: string) => {
  const prefix = `DOWNSTREAM_${String.constantCase(name)}`
  return Config.all({
    timeout: Config.option(Config.Duration(`${prefix}_TIMEOUT`)),
    maxAttempts: Config.option(Config.Int(`${prefix}_MAX_ATTEMPTS`)),
    retryDelay: Config.option(Config.Duration(`${prefix}_RETRY_DELAY`)),
    maxConcurrent: Config.option(Config.Int(`${prefix}_MAX_CONCURRENT`)),
    maxQueued: Config.option(Config.Int(`${prefix}_MAX_QUEUED`)),
    breakerFailures: Config.option(Config.Int(`${prefix}_BREAKER_FAILURES`)),
    breakerOpen: Config.option(Config.Duration(`${prefix}_BREAKER_OPEN`)),
    breakerLongest: Config.option(Config.Duration(`${prefix}_BREAKER_LONGEST`))
  })
}

/** The policy of one downstream: what is configured for it, else for all of them, else `own`, else the defaults. */
export const read = Effect.fnUntraced(function* (name: string, own: Partial<Policy>) {
  const common = yield* CommonConfig
  const named = yield* configOf(name)
  const base = { ...defaults, ...own }
  const pick = <A>(first: Option.Option<A>, second: Option.Option<A>, last: A) =>
    Option.getOrElse(
      Option.orElse(first, () => second),
      () => last
    )
  const policy: Policy = {
    timeout: pick(named.timeout, common.timeout, base.timeout),
    maxAttempts: pick(named.maxAttempts, common.maxAttempts, base.maxAttempts),
    retryDelay: pick(named.retryDelay, common.retryDelay, base.retryDelay),
    maxConcurrent: pick(named.maxConcurrent, common.maxConcurrent, base.maxConcurrent),
    maxQueued: pick(named.maxQueued, common.maxQueued, base.maxQueued),
    breakerFailures: pick(named.breakerFailures, common.breakerFailures, base.breakerFailures),
    breakerOpen: pick(named.breakerOpen, common.breakerOpen, base.breakerOpen),
    breakerLongest: pick(named.breakerLongest, common.breakerLongest, base.breakerLongest)
  }
  return policy
})
