import * as Sweep from "@mall/platform/Sweep"
import { DateTime, Duration, Effect, Layer } from "effect"
import { showAge, showHeld } from "./exchangeMetrics.ts"
import { QuoteRepo } from "./QuoteRepo.ts"
import { Rates } from "./Rates.ts"

/** Long enough to ask what became of a quote. */
const keepLapsed = Duration.days(30)

/** What the exchange does by itself on a schedule; an operator may run each by its name. */
export const sweeps = Layer.unwrap(
  Effect.gen(function* () {
    const rates = yield* Rates
    const quotes = yield* QuoteRepo

    const watch = Effect.gen(function* () {
      const now = yield* DateTime.nowAsDate
      const newest = new Map<string, number>()
      for (const { source, validFrom } of yield* rates.inForce) {
        newest.set(source, Math.max(newest.get(source) ?? 0, validFrom.getTime()))
      }
      for (const [source, at] of newest) yield* showAge(source, (now.getTime() - at) / 1000)
      const held = yield* rates.list({ status: "held", limit: 100 })
      yield* showHeld(held.data.length)
    })

    return Layer.mergeAll(
      Sweep.layer({ name: "fx_rates", every: "1 hour", batch: () => Effect.as(rates.fetch(false), 0) }),
      Sweep.layer({
        name: "fx_quotes",
        every: "5 minutes",
        batch: (limit) =>
          Effect.andThen(
            watch,
            Effect.flatMap(DateTime.nowAsDate, (now) =>
              quotes.removeLapsed(new Date(now.getTime() - Duration.toMillis(keepLapsed)), limit)
            )
          )
      })
    )
  })
)
