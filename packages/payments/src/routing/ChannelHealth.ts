import { ChannelId } from "@mall/domain/payments/Payment"
import { AttemptStatus } from "@mall/domain/payments/PaymentLifecycle"
import { Clock, Config, Context, Duration, Effect, Layer, Option, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { SqlClient, SqlSchema } from "effect/sql"
import type { Channel } from "../channel/Channel.ts"
import { Channels } from "../channel/Channels.ts"

/** How a channel did of late: at new tries or at its other calls, whichever went worse. */
export interface Health {
  /** Tries, or calls, that tell something. */
  readonly attempts: number
  /** Of them, those that the channel took or the buyer spoiled, or that it answered; null where there are none. */
  readonly successRate: number | null
  readonly isFailing: boolean
  /** The circuit breaker of creations, of questions or of the chain's height lets nothing through now. */
  readonly isBreakerOpen: boolean
}

/** Of these a payment has need before its buyer has left. */
const guarded = ["create", "query", "head"]

/** The newest calls stand for the others: a busy mall makes more of them in a window than have to be read. */
const callsAtMost = 5_000

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

const CallCount = Schema.Struct({ channel: ChannelId, good: Schema.Int, bad: Schema.Int })

interface Rate {
  readonly good: number
  readonly bad: number
}
const noRate: Rate = { good: 0, bad: 0 }

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
      if (advice === "unsuited") return undefined
      return advice === "askBuyer" || advice === "stop" ? "good" : "bad"
    }
    default:
      return "good"
  }
}

/**
 * The health of each channel as the platform's accounts see it: what is wrong with one merchant's own account says nothing
 * about the channel. It is taken out of the tries and the other calls (questions, closings, refunds) of all processes in the last
 * minutes, which the database holds anyway, and of the state of its circuit breakers, as this process knows it (or all, where
 * breakers are kept in Redis). The two are judged apart: many questions that go well must not hide that no try is taken.
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

      // An answer is a sign of health whatever it says; a request that the channel does not understand is our fault, and one
      // that was not sent tells nothing.
      const selectCalls = SqlSchema.findAll({
        Request: Schema.Date,
        Result: CallCount,
        execute: (from) => sql`
          SELECT c.channel, count(*) FILTER (WHERE NOT c.is_bad) AS good, count(*) FILTER (WHERE c.is_bad) AS bad
          FROM (
            SELECT l.channel, l.attempt_id,
              l.outcome = 'no answer in time' OR l.outcome LIKE 'outcome unknown: %' OR l.outcome LIKE 'not done: %' AS is_bad
            FROM payments.channel_log AS l
            WHERE l.at >= ${from} AND l.operation <> 'create'
              AND l.outcome NOT LIKE 'not sent: %' AND l.outcome NOT LIKE 'request refused: %'
            ORDER BY l.at DESC LIMIT ${callsAtMost}
          ) AS c
          JOIN payments.attempts AS a ON a.id = c.attempt_id AND a.credential_id IS NULL
          GROUP BY c.channel`
      })

      const rates = yield* Effect.cachedWithTTL(
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          const counts = yield* Effect.orDie(select(firstIdOf(now - Duration.toMillis(window))))
          const calls = yield* Effect.orDie(selectCalls(new Date(now - Duration.toMillis(window))))
          const rates = new Map<ChannelId, { good: number; bad: number }>()
          for (const count of counts) {
            const channel = Option.getOrUndefined(channels.find(count.channel))
            const verdict = channel === undefined ? undefined : verdictOf(count, channel)
            if (verdict === undefined) continue
            const rate = rates.get(count.channel) ?? { good: 0, bad: 0 }
            rate[verdict] += count.attempts
            rates.set(count.channel, rate)
          }
          return {
            tries: rates,
            calls: new Map(calls.map(({ channel, ...rate }): [ChannelId, Rate] => [channel, rate]))
          }
        }),
        freshFor
      )

      const isOpen = (channel: ChannelId) =>
        Effect.map(
          Effect.forEach(guarded, (operation) =>
            breakers.state(`${channel}.${operation}`).pipe(
              Effect.map((state) => state._tag === "Open"),
              // a store that cannot be asked says nothing against the channel
              Effect.orElseSucceed(() => false)
            )
          ),
          (states) => states.includes(true)
        )

      const judge = ({ bad, good }: Rate) => {
        const attempts = good + bad
        const successRate = attempts === 0 ? null : good / attempts
        return {
          attempts,
          successRate,
          isFailing: successRate !== null && attempts >= minAttempts && successRate < minSuccess
        }
      }

      return ChannelHealth.of({
        of: Effect.fnUntraced(function* (channel) {
          const { calls, tries } = yield* rates
          const ofTries = judge(tries.get(channel) ?? noRate)
          const ofCalls = judge(calls.get(channel) ?? noRate)
          return {
            ...(ofCalls.isFailing && !ofTries.isFailing ? ofCalls : ofTries),
            isBreakerOpen: yield* isOpen(channel)
          }
        })
      })
    })
  )
}
