import type { Topic } from "@mall/domain/kernel/Topic"
import { DateTime, Duration, Effect, Function, Option, Schema } from "effect"
import { HttpTraceContext } from "effect/http"
import type { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"

/**
 * The table of `PersistedQueue`'s SQL store, in the default schema because the store names its indexes after the table.
 * Messages are written by `insertInto` below in the store's own layout, many in one statement, and taken by the store.
 */
export const name = "outbox"

/**
 * A row in each queue that has a subscriber, of a state that is none of the store's: never taken, counted or purged. The
 * subscription is rung by offering it again.
 */
export const bell = { id: "doorbell", state: "bell" } as const

/** What a queue holds: the message, when it was published, and the trace that it continues. */
export const envelopeOf = <A, I>(schema: Schema.Codec<A, I>) =>
  Schema.Struct({
    message: schema,
    traceparent: Schema.optionalKey(Schema.String),
    publishedAt: Schema.DateTimeUtcFromString
  })

/** The queue of one subscriber of a topic. */
export const queueOf = (topic: { readonly name: string }, subscriber: string) => `${topic.name}.${subscriber}`

/** The queues that a message of the topic goes to, one per subscriber. */
export const queuesOf = (topic: Pick<Topic<unknown>, "name" | "subscribers">) =>
  topic.subscribers.map((subscriber) => queueOf(topic, subscriber))

/** Compiling a schema costs far more than using it: once per topic. */
const encoderOf = Function.memoize((schema: Schema.Codec<unknown, unknown>) =>
  Schema.encodeUnknownEffect(Schema.fromJsonString(Schema.toCodecJson(envelopeOf(schema))))
)

/** Messages of one topic as columns: `ids[n]` belongs to `elements[n]`, and each goes to every one of `queues`. */
export interface EncodedMessages {
  readonly queues: ReadonlyArray<string>
  readonly ids: ReadonlyArray<string>
  readonly elements: ReadonlyArray<string>
}

/** Encodes messages as they are stored, with the present time and the span that is current. One that is not of the topic's type is a defect. */
export const encode = Effect.fnUntraced(function* <A, I>(topic: Topic<A, I>, messages: ReadonlyArray<A>) {
  const encodeElement = encoderOf(topic.schema)
  const span = yield* Effect.option(Effect.currentSpan)
  const publishedAt = yield* DateTime.now
  const traceparent = Option.flatMapNullishOr(span, (current) => HttpTraceContext.toHeaders(current)["traceparent"])
  const envelope = {
    publishedAt,
    ...Option.match(traceparent, { onNone: () => ({}), onSome: (value) => ({ traceparent: value }) })
  }
  const elements = yield* Effect.forEach(messages, (message) => encodeElement({ message, ...envelope }))
  const encoded: EncodedMessages = { queues: queuesOf(topic), ids: messages.map(topic.id), elements }
  return encoded
}, Effect.orDie)

/** Whole seconds from now, by the database's clock and rounded up, as the store itself delays. */
export const delayOf = (sql: SqlClient.SqlClient, delay: Duration.Input) =>
  sql`${Math.ceil(Duration.toSeconds(Duration.fromInputUnsafe(delay)))}::float8`

/**
 * The `INSERT` of every row of `source` (a query with the columns `id` and `element`, which may be a part of a larger
 * statement) into each of `queues`. `delaySeconds` is an expression that may name columns of `source` as `message.<name>`.
 * A message whose id its queue has already seen is left out.
 */
export const insertInto = (
  sql: SqlClient.SqlClient,
  options: {
    readonly queues: ReadonlyArray<string>
    readonly source: Fragment
    readonly delaySeconds?: Fragment | undefined
  }
) => {
  const visibleAt =
    options.delaySeconds === undefined
      ? sql`NOW()`
      : sql`clock_timestamp() + make_interval(secs => ${options.delaySeconds})`
  return sql`
    INSERT INTO outbox (id, queue_name, element, state, attempts, visible_at, created_at, updated_at)
    SELECT message.id, queue.name, message.element, 'pending', 0, ${visibleAt}, NOW(), NOW()
    FROM (${options.source}) AS message CROSS JOIN unnest(${options.queues}::text[]) AS queue (name)
    ON CONFLICT (id, queue_name) DO NOTHING`
}

/** The rows of `encoded` as the `source` of `insertInto`. */
export const sourceOf = (sql: SqlClient.SqlClient, encoded: EncodedMessages) =>
  sql`SELECT id, element FROM unnest(${encoded.ids}::text[], ${encoded.elements}::text[]) AS given (id, element)`
