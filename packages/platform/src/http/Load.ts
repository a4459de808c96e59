import { Context, Duration, Effect, Layer } from "effect"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { EdgeConfig } from "./EdgeConfig.ts"

const lookEvery = "500 millis"

/**
 * How busy this process is, and whether it is leaving. The fields are read and written for every request, so they are
 * plain; `inFlight` counts requests from their first byte of work to the last byte of their answer.
 */
export class Load extends Context.Service<
  Load,
  {
    inFlight: number
    readonly maxInFlight: number
    /** The event loop was late by more than `HTTP_MAX_EVENT_LOOP_DELAY`, on average over the last half second. */
    lagging: boolean
    /** The process is about to end: it is not ready any more, and connections are closed after their answer. */
    draining: boolean
  }
>()("@mall/platform/http/Load") {
  static readonly layer = Layer.effect(
    Load,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const load = { inFlight: 0, maxInFlight: config.maxInFlight, lagging: false, draining: false }
      const delay = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const histogram = monitorEventLoopDelay({ resolution: 20 })
          histogram.enable()
          return histogram
        }),
        (histogram) => Effect.sync(() => histogram.disable())
      )
      const limitNanos = Duration.toMillis(config.maxEventLoopDelay) * 1e6
      yield* Effect.sleep(lookEvery).pipe(
        Effect.andThen(
          Effect.sync(() => {
            // A blocked loop takes few samples, so the longest tells more than the mean where there are few.
            load.lagging = delay.count > 0 && (delay.count < 5 ? delay.max : delay.mean) > limitNanos
            delay.reset()
          })
        ),
        Effect.forever,
        Effect.forkScoped
      )
      return Load.of(load)
    })
  )
}
