import { Clock, Context, Duration, Effect, Layer } from "effect"

/** The real clock, put forward by `advance`: for expiries and windows of services that also wait for a real database. */
export class ShiftedClock extends Context.Service<
  ShiftedClock,
  { advance(duration: Duration.Input): Effect.Effect<void> }
>()("@mall/identity/test/ShiftedClock") {
  static readonly layer = Layer.effectContext(
    Effect.gen(function* () {
      const real = yield* Clock.Clock
      let offset = 0
      const millis = () => real.currentTimeMillisUnsafe() + offset
      const nanos = () => real.currentTimeNanosUnsafe() + BigInt(offset) * 1_000_000n
      const shifted: Clock.Clock = {
        currentTimeMillisUnsafe: millis,
        currentTimeMillis: Effect.sync(millis),
        currentTimeNanosUnsafe: nanos,
        currentTimeNanos: Effect.sync(nanos),
        monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: real.monotonicTimeNanos,
        sleep: (duration) => real.sleep(duration)
      }
      const advance = (duration: Duration.Input) =>
        Effect.sync(() => {
          offset += Duration.toMillis(Duration.fromInputUnsafe(duration))
        })
      return Context.make(Clock.Clock, shifted).pipe(Context.add(ShiftedClock, ShiftedClock.of({ advance })))
    })
  )
}
