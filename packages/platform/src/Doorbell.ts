import { Context, Effect, Latch, Layer, Scope } from "effect"
import { randomUUID } from "node:crypto"
import { Notifications } from "./Notifications.ts"

const channel = "doorbell"

/** Other processes are rung at most once in this time, whatever is published: each ring is a commit. */
const ringInterval = "20 millis"

/**
 * Wakes those who take from queues, in this process and in others, so that a message does not wait until somebody looks.
 * A lost ring delays a message until `DueMessages` looks next, no more.
 */
export class Doorbell extends Context.Service<
  Doorbell,
  {
    /** Says that there is something in `queues`; to be said once that has committed. */
    ring(queues: ReadonlyArray<string>): Effect.Effect<void>
    /** The same to this process alone, for what other processes see by themselves. */
    ringHere(queues: ReadonlyArray<string>): Effect.Effect<void>
    /** Calls `wake` at each ring of `queue`, until the scope closes. */
    listen(queue: string, wake: () => void): Effect.Effect<void, never, Scope.Scope>
    /** The queues that this process listens for. */
    readonly listened: Effect.Effect<ReadonlyArray<string>>
  }
>()("@mall/platform/Doorbell") {
  static readonly layerNoDeps = Layer.effect(
    Doorbell,
    Effect.gen(function* () {
      const notifications = yield* Notifications
      const process = randomUUID()
      const listeners = new Map<string, Set<() => void>>()
      const unsent = new Set<string>()
      const hasUnsent = yield* Latch.make()

      const wake = (queue: string) => {
        for (const each of listeners.get(queue) ?? []) each()
      }

      yield* Effect.gen(function* () {
        yield* hasUnsent.await
        hasUnsent.closeUnsafe()
        const queues = [...unsent]
        unsent.clear()
        yield* notifications.notify(
          channel,
          queues.map((queue) => `${process} ${queue}`)
        )
        yield* Effect.sleep(ringInterval)
      }).pipe(
        Effect.catchTag("SqlError", (error) => Effect.logDebug("Could not wake other processes", error)),
        Effect.forever,
        Effect.forkScoped
      )

      const ringHere = (queues: ReadonlyArray<string>) => Effect.sync(() => queues.forEach(wake))

      const ring = (queues: ReadonlyArray<string>) =>
        Effect.sync(() => {
          for (const queue of queues) {
            wake(queue)
            unsent.add(queue)
          }
          hasUnsent.openUnsafe()
        })

      // Shared by all listeners of the process, and made by the first of them: who only publishes holds no connection.
      const hear = yield* Effect.cached(
        notifications.subscribe(channel, {
          onPayload: (payload) => {
            const [from, queue] = payload.split(" ")
            if (from !== process && queue !== undefined) wake(queue)
          },
          onGap: () => {
            for (const queue of listeners.keys()) wake(queue)
          }
        })
      )
      const scope = yield* Effect.scope

      const listen = Effect.fnUntraced(function* (queue: string, wakeUp: () => void) {
        yield* Effect.acquireRelease(
          Effect.sync(() => listeners.set(queue, (listeners.get(queue) ?? new Set()).add(wakeUp))),
          () =>
            Effect.sync(() => {
              const others = listeners.get(queue)
              others?.delete(wakeUp)
              if (others?.size === 0) listeners.delete(queue)
            })
        )
        yield* Effect.provideService(hear, Scope.Scope, scope)
      })

      return Doorbell.of({ ring, ringHere, listen, listened: Effect.sync(() => Array.from(listeners.keys())) })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(Notifications.layer))
}
