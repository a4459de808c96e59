import { Context, Effect, Latch, Layer } from "effect"
import * as process from "node:process"

/** Written at the latest after this time, or as soon as so many characters wait. */
const flushAfter = "50 millis"
const flushAt = 64 * 1024

/**
 * Lines for standard output, many of them in one system call. Nothing is lost: what waits is written when the scope
 * closes, which a signal to stop leads to.
 */
export class LineWriter extends Context.Service<
  LineWriter,
  {
    /** `line` has no line break of its own. */
    write(line: string): void
    readonly flush: Effect.Effect<void>
  }
>()("@mall/platform/telemetry/LineWriter") {
  /** Writes through `sink`, which takes whole lines, the last with its line break. */
  static readonly layerTo = (sink: (lines: string) => void) =>
    Layer.effect(
      LineWriter,
      Effect.gen(function* () {
        let waiting = ""
        const some = yield* Latch.make()
        const flush = () => {
          some.closeUnsafe()
          if (waiting === "") return
          const lines = waiting
          waiting = ""
          sink(lines)
        }
        yield* Effect.addFinalizer(() => Effect.sync(flush))
        yield* some.await.pipe(
          Effect.andThen(Effect.sleep(flushAfter)),
          Effect.andThen(Effect.sync(flush)),
          Effect.forever,
          Effect.forkScoped
        )
        return LineWriter.of({
          write: (line) => {
            if (waiting === "") some.openUnsafe()
            waiting += line
            waiting += "\n"
            if (waiting.length >= flushAt) flush()
          },
          flush: Effect.sync(flush)
        })
      })
    )

  static readonly layer = LineWriter.layerTo((lines) => process.stdout.write(lines))
}
