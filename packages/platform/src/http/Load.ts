import { Context, Duration, Effect, Layer } from "effect"
import * as EventLoopDelay from "../telemetry/eventLoopDelay.ts"
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
      const delay = yield* EventLoopDelay.measure
      const limit = Duration.toMillis(config.maxEventLoopDelay)
      yield* Effect.sleep(lookEvery).pipe(
        Effect.andThen(
          Effect.sync(() => {
            load.lagging = delay.mean() > limit
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
