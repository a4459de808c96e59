import * as PgClient from "@effect/sql-pg/PgClient"
import { Context, Effect, Latch, Layer, Queue, Schedule } from "effect"
import type { Scope } from "effect"
import type { SqlError } from "effect/sql/SqlError"

/** The one PostgreSQL channel that carries them all, so that a process holds one connection however many listen in it. */
const wire = "mall"

interface Subscriber {
  readonly onPayload: (payload: string) => void
  readonly onGap: () => void
}

/**
 * Messages between processes on one database by `LISTEN`/`NOTIFY`: at most once, to whoever listens at the time. Made for
 * hints (a cache entry is stale, a queue has work), never for facts: those go through the outbox.
 *
 * `notify` joins the ambient transaction and is sent when that commits. It takes a lock that all notifying commits of the
 * server share until they are durable, so it does not belong in the transaction of a hot path. A payload is below
 * `maxPayloadBytes`.
 *
 * `subscribe` returns once the connection listens. `onGap` is called whenever messages may have been missed: when the
 * connection is lost and again when it is re-made.
 */
export class Notifications extends Context.Service<
  Notifications,
  {
    notify(channel: string, payloads: ReadonlyArray<string>): Effect.Effect<void, SqlError>
    subscribe(channel: string, subscriber: Subscriber): Effect.Effect<void, never, Scope.Scope>
  }
>()("@mall/platform/Notifications") {
  static readonly layer = Layer.effect(
    Notifications,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const subscribers = new Map<string, Set<Subscriber>>()
      const isWanted = yield* Latch.make()
      const isListening = yield* Latch.make()

      const tellGap = Effect.sync(() => {
        for (const all of subscribers.values()) for (const { onGap } of all) onGap()
      })

      const dispatch = (message: string) => {
        const separator = message.indexOf(":")
        for (const { onPayload } of subscribers.get(message.slice(0, separator)) ?? []) {
          onPayload(message.slice(separator + 1))
        }
      }

      const connect = sql.listen(wire).pipe(
        Effect.tapError((error) => Effect.logWarning("Cannot listen for notifications yet", error.message)),
        Effect.retry(
          Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("5 seconds")]).pipe(Schedule.jittered)
        )
      )

      const listen = Effect.gen(function* () {
        const queue = yield* connect
        yield* tellGap
        yield* isListening.open
        return yield* Queue.take(queue).pipe(
          Effect.flatMap(({ payload }) =>
            // One subscriber that throws must not leave the others deaf.
            Effect.catchDefect(
              Effect.sync(() => dispatch(payload)),
              (defect) => Effect.logError("A notification could not be handled", defect)
            )
          ),
          Effect.forever
        )
      }).pipe(
        Effect.scoped,
        Effect.catchTag("SqlError", (error) =>
          Effect.andThen(
            tellGap,
            Effect.logWarning("The listening connection was lost; it is made again", error.message)
          )
        ),
        Effect.repeat(Schedule.spaced("50 millis"))
      )

      // A process in which nobody subscribes keeps no connection for it.
      yield* Effect.andThen(isWanted.await, listen).pipe(Effect.forkScoped)

      const subscribe = Effect.fnUntraced(function* (channel: string, subscriber: Subscriber) {
        const all = subscribers.get(channel) ?? new Set()
        subscribers.set(channel, all)
        yield* Effect.acquireRelease(
          Effect.sync(() => all.add(subscriber)),
          () => Effect.sync(() => all.delete(subscriber))
        )
        yield* isWanted.open
        yield* isListening.await
      })

      const notify = Effect.fnUntraced(function* (channel: string, payloads: ReadonlyArray<string>) {
        if (payloads.length === 0) return
        const messages = payloads.map((payload) => `${channel}:${payload}`)
        yield* sql`SELECT pg_notify(${wire}, message) FROM unnest(${messages}::text[]) AS message`
      })

      return Notifications.of({ notify, subscribe })
    })
  )
}

/** PostgreSQL refuses a payload of 8000 bytes; what is left of that beside the name of a channel. */
export const maxPayloadBytes = 7_800
