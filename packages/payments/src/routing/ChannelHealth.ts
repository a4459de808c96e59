import { ChannelId } from "@mall/domain/payments/Payment"
import { AttemptStatus } from "@mall/domain/payments/PaymentLifecycle"
import { Clock, Config, Context, Duration, Effect, Layer, Option, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { SqlClient, SqlSchema } from "effect/sql"
import type { Channel } from "../channel/Channel.ts"
import { Channels } from "../channel/Channels.ts"

/** How a channel took new tries of late. */
export interface Health {
  /** Tries that tell something. */
  readonly attempts: number
  /** Of them, those that the channel took or the buyer spoiled; null where there are none. */
  readonly successRate: number | null
  readonly isFailing: boolean
  /** The circuit breaker of creations lets nothing through now. */
  readonly isBreakerOpen: boolean
}

const HealthConfig = Config.all({
  window: Config.Duration("ROUTING_WINDOW").pipe(Config.withDefault(Duration.minutes(10))),
  minAttempts: Config.Int("ROUTING_MIN_ATTEMPTS").pipe(Config.withDefault(20)),
  minSuccess: Config.schema(
    Schema.FiniteFromString.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
    "ROUTING_MIN_SUCCESS"
  ).pipe(Config.withDefault(0.5))
})

/** For how long a process goes by the rates it has read. */
const freshFor = "2 seconds"

const Count = Schema.Struct({
  channel: ChannelId,
  status: AttemptStatus,
  errorCode: Schema.NullOr(Schema.String),
  attempts: Schema.Int
})

/** The smallest UUIDv7 of a millisecond: our ids are in the order of their time, so that the primary key finds the newest. */
const firstIdOf = (millis: number) => {
  const hex = Math.max(0, millis).toString(16).padStart(12, "0")
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
}

/**
 * Whether the channel is to blame for what became of a try: `undefined` where it tells nothing. What the buyer has to put
 * right (a card without cover) says that the channel works.
 */
const verdictOf = ({ errorCode, status }: typeof Count.Type, channel: Channel): "good" | "bad" | undefined => {
  switch (status) {
    case "created":
      return undefined
    case "unknown":
      return "bad"
    case "failed": {
      const advice = errorCode === null ? undefined : channel.advice[errorCode]
      return advice === "askBuyer" || advice === "stop" ? "good" : "bad"
    }
    default:
      return "good"
  }
}

/**
 * The health of each channel as the platform's accounts see it: what is wrong with one merchant's own account says nothing
 * about the channel. It is taken out of the tries of all processes in the last minutes, which the database holds anyway, and of
 * the state of its circuit breaker, as this process knows it (or all, where breakers are kept in Redis).
 */
export class ChannelHealth extends Context.Service<
  ChannelHealth,
  {
    of(channel: ChannelId): Effect.Effect<Health>
  }
>()("@mall/payments/routing/ChannelHealth") {
  static readonly layerNoDeps = Layer.effect(
    ChannelHealth,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const breakers = yield* CircuitBreaker.CircuitBreakerStore
      const channels = yield* Channels
      const { minAttempts, minSuccess, window } = yield* HealthConfig

      const select = SqlSchema.findAll({
        Request: Schema.String,
        Result: Count,
        execute: (from) => sql`
          SELECT a.channel, a.status, a.error_code, count(*) AS attempts FROM payments.attempts AS a
          WHERE a.id >= ${from}::uuid AND a.credential_id IS NULL GROUP BY a.channel, a.status, a.error_code`
      })

      const rates = yield* Effect.cachedWithTTL(
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          const counts = yield* Effect.orDie(select(firstIdOf(now - Duration.toMillis(window))))
          const rates = new Map<ChannelId, { good: number; bad: number }>()
          for (const count of counts) {
            const channel = Option.getOrUndefined(channels.find(count.channel))
            const verdict = channel === undefined ? undefined : verdictOf(count, channel)
            if (verdict === undefined) continue
            const rate = rates.get(count.channel) ?? { good: 0, bad: 0 }
            rate[verdict] += count.attempts
            rates.set(count.channel, rate)
          }
          return rates
        }),
        freshFor
      )

      const isOpen = (channel: ChannelId) =>
        breakers.state(`${channel}.create`).pipe(
          Effect.map((state) => state._tag === "Open"),
          // a store that cannot be asked says nothing against the channel
          Effect.orElseSucceed(() => false)
        )

      return ChannelHealth.of({
        of: Effect.fnUntraced(function* (channel) {
          const { bad, good } = (yield* rates).get(channel) ?? { good: 0, bad: 0 }
          const attempts = good + bad
          const successRate = attempts === 0 ? null : good / attempts
          return {
            attempts,
            successRate,
            isFailing: successRate !== null && attempts >= minAttempts && successRate < minSuccess,
            isBreakerOpen: yield* isOpen(channel)
          }
        })
      })
    })
  )
}
