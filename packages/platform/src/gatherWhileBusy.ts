import { Effect, Latch, RequestResolver } from "effect"
import type { Request } from "effect"

/**
 * Group commit: while one batch is under way the requests that arrive gather, at most `maxSize`, and go together when it
 * is done. Alone, a request waits for nobody; under load one statement serves many. A full batch does not wait.
 */
export const gatherWhileBusy = <A extends Request.Any>(
  resolver: RequestResolver.RequestResolver<A>,
  maxSize: number
): RequestResolver.RequestResolver<A> => {
  const isIdle = Latch.makeUnsafe(true)
  let running = 0
  return RequestResolver.makeWith<A>({
    ...resolver,
    delay: Effect.andThen(Effect.yieldNow, isIdle.await),
    collectWhile: (entries) => entries.size < maxSize,
    runAll: (entries, key) =>
      Effect.suspend(() => {
        running++
        isIdle.closeUnsafe()
        return resolver.runAll(entries, key)
      }).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            running--
            if (running === 0) isIdle.openUnsafe()
          })
        )
      )
  })
}
