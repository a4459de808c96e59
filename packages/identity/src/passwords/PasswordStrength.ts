import * as NodeWorker from "@effect/platform-node/NodeWorker"
import { WeakPassword } from "@mall/domain/identity/IdentityError"
import type { Password } from "@mall/domain/identity/User"
import { Config, Context, Effect, Layer, RcRef, Redacted } from "effect"
import { RpcClient } from "effect/rpc"
import { Worker } from "node:worker_threads"
import { PasswordStrengthRpcs } from "./PasswordStrengthRpcs.ts"

/**
 * Judges new passwords with zxcvbn. Its dictionaries take 50 MB and a judgement takes tens of milliseconds of CPU, so it
 * lives in a worker thread that starts with the first password and ends when none came for a while.
 */
export class PasswordStrength extends Context.Service<
  PasswordStrength,
  {
    /** Fails where the password is weak. `context` is what a guesser would try first: the user's name and email. */
    check(password: Password, context: ReadonlyArray<string>): Effect.Effect<void, WeakPassword>
  }
>()("@mall/identity/passwords/PasswordStrength") {
  static readonly layer = Layer.effect(
    PasswordStrength,
    Effect.gen(function* () {
      const minScore = yield* Config.Int("PASSWORD_MIN_SCORE").pipe(Config.withDefault(3))
      const judge = yield* RcRef.make({
        acquire: Effect.flatMap(Effect.orDie(Layer.build(Layer.fresh(WorkerThread))), (thread) =>
          Effect.provideContext(RpcClient.make(PasswordStrengthRpcs, { disableTracing: true }), thread)
        ),
        idleTimeToLive: "20 seconds"
      })

      const check = Effect.fn("PasswordStrength.check")(function* (password: Password, context: ReadonlyArray<string>) {
        const parts = context.flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u)]).filter((part) => part !== "")
        const client = yield* RcRef.get(judge)
        const verdict = yield* client
          .judge({ password: Redacted.value(password), context: parts })
          .pipe(Effect.catchTag("RpcClientError", Effect.die))
        if (verdict.score < minScore) return yield* new WeakPassword(verdict)
      }, Effect.scoped)

      return PasswordStrength.of({ check })
    })
  )
}

const WorkerThread = RpcClient.layerProtocolWorker({ size: 1, concurrency: 8 }).pipe(
  Layer.provide(
    NodeWorker.layer(
      () =>
        new Worker(new URL("./passwordStrengthWorker.ts", import.meta.url), {
          // its dictionaries are 40 MB; where it may have more, it leaves as much garbage again before it collects any
          resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 }
        })
    )
  )
)
