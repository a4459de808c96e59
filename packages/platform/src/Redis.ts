import { Clock, Config, Duration, Effect, Layer, Metric, Queue, Redacted } from "effect"
import { Redis } from "effect/persistence"
import { Redis as IoRedis, ReplyError } from "ioredis"

const RedisConfig = Config.all({
  connectTimeout: Config.Duration("REDIS_CONNECT_TIMEOUT").pipe(Config.withDefault(Duration.seconds(2))),
  commandTimeout: Config.Duration("REDIS_COMMAND_TIMEOUT").pipe(Config.withDefault(Duration.millis(500)))
})

/** After a command that Redis did not answer, the next ones are not sent for this long: nobody else waits for nothing. */
const pauseMillis = 1_000

const longestReconnectMillis = 2_000

const isUp = Metric.gauge("redis_up")

/**
 * Effect's `Redis` on ioredis. It never fails the start and never waits long: while Redis cannot be reached every command
 * fails at once with `RedisError`, and the connection is re-made in the background. What then happens is decided by the
 * store that uses it (see `Stores`).
 */
export const layer = (url: Redacted.Redacted) =>
  Layer.effect(
    Redis.Redis,
    Effect.gen(function* () {
      const { commandTimeout, connectTimeout } = yield* RedisConfig
      const clock = yield* Clock.Clock
      const changes = yield* Queue.unbounded<"up" | "down">()

      const open = (options: { readonly commandTimeout?: number; readonly enableOfflineQueue?: boolean }) => {
        const client = new IoRedis(Redacted.value(url), {
          connectTimeout: Duration.toMillis(connectTimeout),
          maxRetriesPerRequest: 0,
          retryStrategy: (times) => Math.min(50 * 2 ** times, longestReconnectMillis),
          ...options
        })
        // A command that fails says so itself; without a listener the process would end.
        client.on("error", () => {})
        return client
      }
      const acquire = (options: { readonly commandTimeout?: number; readonly enableOfflineQueue?: boolean }) =>
        Effect.acquireRelease(
          Effect.sync(() => open(options)),
          (client) => Effect.sync(() => client.disconnect())
        )

      const attempt = <A>(run: () => Promise<A>) =>
        Effect.tryPromise({ try: run, catch: (cause) => new Redis.RedisError({ cause }) })
      const sendTo =
        (client: IoRedis) =>
        <A>(command: string, ...args: ReadonlyArray<string>) =>
          attempt(() => client.call(command, ...args) as Promise<A>)

      const client = yield* acquire({
        commandTimeout: Duration.toMillis(commandTimeout),
        enableOfflineQueue: false
      })
      client.on("ready", () => Queue.offerUnsafe(changes, "up"))
      client.on("close", () => Queue.offerUnsafe(changes, "down"))

      let known: "up" | "down" | undefined
      yield* Queue.take(changes).pipe(
        Effect.flatMap((state) => {
          if (state === known) return Effect.void
          known = state
          return Effect.andThen(
            Metric.update(isUp, state === "up" ? 1 : 0),
            state === "up"
              ? Effect.logInfo("Redis is connected")
              : Effect.logWarning("Redis cannot be reached; the stores do without it until it can")
          )
        }),
        Effect.forever,
        Effect.forkScoped
      )

      let pausedUntil = 0
      const sendToClient = sendTo(client)
      const send = <A = unknown>(command: string, ...args: ReadonlyArray<string>) =>
        Effect.suspend(() => {
          if (clock.currentTimeMillisUnsafe() < pausedUntil) {
            return Effect.fail(new Redis.RedisError({ cause: new Error("Redis did not answer a moment ago") }))
          }
          return sendToClient<A>(command, ...args).pipe(
            Effect.tapError(({ cause }) =>
              Effect.sync(() => {
                if (!(cause instanceof ReplyError)) pausedUntil = clock.currentTimeMillisUnsafe() + pauseMillis
              })
            )
          )
        })

      // The first commands find the connection made, if there is one to make.
      yield* Effect.callback<void>((resume) => {
        client.once("ready", () => resume(Effect.void))
        client.once("close", () => resume(Effect.void))
      }).pipe(Effect.timeoutOption(connectTimeout))

      return yield* Redis.make({
        send,
        // Blocking commands need a connection of their own.
        connect: Effect.sync(() => {
          const own = open({})
          return { send: sendTo(own), close: Effect.sync(() => own.disconnect()) }
        }),
        subscribe: (channel, onMessage) =>
          acquire({}).pipe(
            Effect.tap((own) => {
              own.on("message", (from: string, message: string) => onMessage({ channel: from, message }))
              return attempt(() => own.subscribe(channel))
            }),
            Effect.as(Effect.never)
          )
      })
    })
  )
