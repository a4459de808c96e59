import { Config, Duration, Effect, Layer, Schedule } from "effect"
import { ApiKeyMemory } from "./ApiKeyMemory.ts"

/** Writes when keys were used last, off the requests: every `API_KEY_USE_INTERVAL`, and when the process ends. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const memory = yield* ApiKeyMemory
    const interval = yield* Config.Duration("API_KEY_USE_INTERVAL").pipe(Config.withDefault(Duration.minutes(1)))
    yield* Effect.addFinalizer(() => memory.flushUses)
    yield* Effect.forkScoped(Effect.repeat(Effect.delay(memory.flushUses, interval), Schedule.forever))
  })
)
