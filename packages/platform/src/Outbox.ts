import type { Topic } from "@mall/domain/kernel/Topic"
import { Context, Duration, Effect, Layer, Option } from "effect"
import type { Tracer } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { Doorbell } from "./Doorbell.ts"
import * as OutboxTable from "./OutboxTable.ts"

/**
 * Tells other contexts. A message joins the transaction it is published in: it is delivered if and only if that commits,
 * at least once to each of the topic's subscribers, and once where the subscriber is idempotent by the message's id.
 */
export class Outbox extends Context.Service<
  Outbox,
  {
    publish<A, I>(
      topic: Topic<A, I>,
      message: NoInfer<A>,
      options?: { readonly delay?: Duration.Input }
    ): Effect.Effect<void, SqlError>
    /** All in one statement. */
    publishAll<A, I>(
      topic: Topic<A, I>,
      messages: ReadonlyArray<NoInfer<A>>,
      options?: { readonly delay?: Duration.Input }
    ): Effect.Effect<void, SqlError>
    /** All in one statement, each in the trace of its own span. */
    publishEach<A, I>(
      topic: Topic<A, I>,
      messages: ReadonlyArray<{ readonly message: NoInfer<A>; readonly span: Option.Option<Tracer.Span> }>
    ): Effect.Effect<void, SqlError>
    /**
     * For who writes messages inside a larger statement, with `OutboxTable.encode` and `OutboxTable.insertInto`: wakes the
     * subscribers once the ambient transaction has committed. Needless for delayed messages.
     */
    announce<A, I>(topic: Topic<A, I>): Effect.Effect<void>
  }
>()("@mall/platform/Outbox") {
  static readonly layerNoDeps = Layer.effect(
    Outbox,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const doorbell = yield* Doorbell
      const ring = (queues: ReadonlyArray<string>) => sql.afterCommit(doorbell.ring(queues))

      const publishAll = Effect.fn("Outbox.publish", { kind: "producer" })(function* <A, I>(
        topic: Topic<A, I>,
        messages: ReadonlyArray<A>,
        options?: { readonly delay?: Duration.Input }
      ) {
        yield* Effect.annotateCurrentSpan({
          "messaging.destination.name": topic.name,
          "messaging.batch.message_count": messages.length
        })
        if (messages.length === 0) return
        const encoded = yield* OutboxTable.encode(topic, messages)
        const delay = Duration.fromInputUnsafe(options?.delay ?? Duration.zero)
        const isDelayed = Duration.isPositive(delay)
        yield* OutboxTable.insertInto(sql, {
          queues: encoded.queues,
          source: OutboxTable.sourceOf(sql, encoded),
          delaySeconds: isDelayed ? OutboxTable.delayOf(sql, delay) : undefined
        })
        if (!isDelayed) yield* ring(encoded.queues)
      })

      const publishEach = Effect.fnUntraced(function* <A, I>(
        topic: Topic<A, I>,
        messages: ReadonlyArray<{ readonly message: A; readonly span: Option.Option<Tracer.Span> }>
      ) {
        if (messages.length === 0) return
        const encoded = yield* Effect.forEach(messages, ({ message, span }) =>
          OutboxTable.encode(topic, [message]).pipe(
            Option.isSome(span) ? Effect.withParentSpan(span.value) : (effect) => effect
          )
        )
        const queues = OutboxTable.queuesOf(topic)
        yield* OutboxTable.insertInto(sql, {
          queues,
          source: OutboxTable.sourceOf(sql, {
            queues,
            ids: encoded.flatMap(({ ids }) => ids),
            elements: encoded.flatMap(({ elements }) => elements)
          })
        })
        yield* ring(queues)
      })

      return Outbox.of({
        publishAll,
        publishEach,
        publish: (topic, message, options) => publishAll(topic, [message], options),
        announce: (topic) => ring(OutboxTable.queuesOf(topic))
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(Doorbell.layer))
}
