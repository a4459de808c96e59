import { Clock, Duration, Effect } from "effect"

/** A clock that may be wrong: it shows another time than the machine's, and waits as long as any. */
export interface ShiftableClock {
  readonly clock: Clock.Clock
  /** Shows the machine's time plus this from now on. */
  readonly shift: (by: Duration.Input) => Effect.Effect<void>
}

export const make = Effect.map(Clock.Clock, (real): ShiftableClock => {
  let offset = 0
  const millis = () => real.currentTimeMillisUnsafe() + offset
  const nanos = () => real.currentTimeNanosUnsafe() + BigInt(offset) * 1_000_000n
  return {
    clock: {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: real.monotonicTimeNanos,
      sleep: (duration) => real.sleep(duration)
    },
    shift: (by) =>
      Effect.sync(() => {
        offset = Duration.toMillis(by)
      })
  }
})
