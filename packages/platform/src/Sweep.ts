import { Duration, Effect, Layer } from "effect"
import type { DateTime, Option } from "effect"
import { Sweeps } from "./Sweeps.ts"

const defaultLimit = 500

/**
 * Work that comes due by itself: expired orders, overdue attempts, old rows. `batch` claims up to `limit` due items with
 * `FOR UPDATE SKIP LOCKED`, does them and answers with how many it did, so any number of workers may run it at once; it is
 * called again as long as it did `limit`. Every `every` (by ±10 %) where sweeps are scheduled, and when an operator says
 * so. A failing run is logged, recorded, and tried again at its next time. `oldestDue` makes the lag visible.
 *
 * A run whose work grows with what the tables hold, and not with what is due, says how many times as long as it took it `rests` at
 * least: so it never takes more than its share of a process, however much there is to look at.
 */
export const layer = <E, R, E2 = never, R2 = never>(options: {
  readonly name: string
  readonly every: Duration.Input
  readonly batch: (limit: number) => Effect.Effect<number, E, R>
  /** The size of a batch: 500 unless told. */
  readonly limit?: number
  readonly rests?: number
  readonly oldestDue?: Effect.Effect<Option.Option<DateTime.Utc>, E2, R2>
}): Layer.Layer<never, never, Sweeps | R | R2> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const sweeps = yield* Sweeps
      const context = yield* Effect.context<R | R2>()
      yield* sweeps.register({
        name: options.name,
        every: Duration.fromInputUnsafe(options.every),
        limit: options.limit ?? defaultLimit,
        rests: options.rests ?? 0,
        batch: (limit) =>
          Effect.provideContext(
            Effect.suspend(() => options.batch(limit)),
            context
          ),
        oldestDue: options.oldestDue === undefined ? undefined : Effect.provideContext(options.oldestDue, context)
      })
    })
  )
