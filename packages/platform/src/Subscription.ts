import type { Topic } from "@mall/domain/kernel/Topic"
import { Cause, Duration, Effect, Latch, Layer, Metric, Option, Predicate, Schedule, Schema, SchemaIssue } from "effect"
import { Headers, HttpTraceContext } from "effect/http"
import { PersistedQueue } from "effect/persistence"
import { SqlClient } from "effect/sql"
import { Doorbell } from "./Doorbell.ts"
import * as DueMessages from "./DueMessages.ts"
import * as OutboxTable from "./OutboxTable.ts"
import * as QueueStore from "./QueueStore.ts"

/** A subscription names a subscriber that its topic does not: nothing would ever be delivered to it. */
export class UnknownSubscriber extends Schema.TaggedError<UnknownSubscriber>()("UnknownSubscriber", {
  topic: Schema.String,
  subscriber: Schema.String
}) {
  override get message() {
    return `${this.subscriber} is not a subscriber of the topic ${this.topic}`
  }
}

/** The handler interrupted itself, which is a failure like another: only the end of the process gives a message back. */
class HandlerInterrupted extends Schema.TaggedError<HandlerInterrupted>()("HandlerInterrupted", {}) {
  override get message() {
    return "The handler interrupted itself"
  }
}

/** `id` is the message's; `attempt` counts from 1, and a crash of the process counts too. */
export interface Delivery {
  readonly id: string
  readonly attempt: number
}

export interface Options<A, I, E, R> {
  readonly topic: Topic<A, I>
  readonly subscriber: string
  /** Idempotent: it may get a message again, also one that it has handled. */
  readonly handler: (message: A, delivery: Delivery) => Effect.Effect<unknown, E, R>
  /** Messages handled at the same time by one process; 4 unless told. */
  readonly concurrency?: number
  /** After so many failures a message is dead: kept, shown to operators, and not tried again by itself. 10 unless told. */
  readonly maxAttempts?: number
  /** The pauses between attempts; its input is the attempt that failed. 1 s, 5 s, 15 s, 1 min, 5 min, 15 min, then hourly unless told. */
  readonly schedule?: Schedule.Schedule<unknown, number>
}

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

/** Where a message is wrong, without its values, which may be personal: those are in the dead letter, for operators. */
const pathsOf = (issue: SchemaIssue.Issue) =>
  formatIssue(issue).issues.map(({ path = [] }) =>
    path.map((segment) => String(typeof segment === "object" ? segment.key : segment)).join(".")
  )

const pauses = ["1 second", "5 seconds", "15 seconds", "1 minute", "5 minutes", "15 minutes"] as const

/** 1 s, 5 s, 15 s, 1 min, 5 min, 15 min, then every hour, each by ±20 %: ten attempts last about three and a half hours. */
const defaultSchedule: Schedule.Schedule<unknown, number> = Schedule.forever.pipe(
  Schedule.modifyDelay(({ attempt }) => Effect.succeed(Duration.fromInputUnsafe(pauses[attempt - 1] ?? "1 hour"))),
  Schedule.jittered
)

/** A ring costs one statement that writes nothing; this many of them a second are enough. */
const wakeInterval = "5 millis"

interface Envelope<A> {
  readonly message: A
  readonly traceparent?: string
}

const processed = (queue: string, outcome: "ok" | "retry" | "dead") =>
  Metric.update(Metric.counter("queue_processed_total", { incremental: true, attributes: { queue, outcome } }), 1)

/**
 * Runs `handler` for each message of the topic, oldest first, in `concurrency` fibers that live as long as the layer; any
 * number of processes may do so at once. A failure or a defect is tried again by `schedule`; what fails `maxAttempts`
 * times, and at once what does not decode, is dead-lettered. The handler's span continues the trace it was published in.
 */
export const layer = <A, I, E, R>(options: Options<A, I, E, R>) =>
  Layer.effectDiscard(run(options)).pipe(Layer.provide([QueueStore.layer, Doorbell.layer, DueMessages.layer]))

const run = Effect.fnUntraced(function* <A, I, E, R>(options: Options<A, I, E, R>) {
  const { concurrency = 4, maxAttempts = 10, schedule = defaultSchedule, subscriber, topic } = options
  if (!topic.subscribers.includes(subscriber)) {
    return yield* new UnknownSubscriber({ topic: topic.name, subscriber })
  }
  const name = OutboxTable.queueOf(topic, subscriber)
  const factory = yield* PersistedQueue.PersistedQueueFactory
  const queue = yield* factory.make({
    name,
    maxAttempts,
    retrySchedule: schedule,
    // The queue dead-letters what does not decode without a word; this is the word.
    schema: OutboxTable.envelopeOf(topic.schema).pipe(
      Schema.middlewareDecoding(
        Effect.tapError((issue) =>
          Effect.andThen(
            processed(name, "dead"),
            Effect.logError("A message cannot be read and is dead-lettered", { queue: name, at: pathsOf(issue) })
          )
        )
      )
    )
  })

  const reportFailure = (cause: Cause.Cause<unknown>, attempt: number) => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.void
    return attempt < maxAttempts
      ? Effect.andThen(processed(name, "retry"), Effect.logWarning("A message failed and is tried again", cause))
      : Effect.andThen(processed(name, "dead"), Effect.logError("A message failed for good", cause))
  }

  const handle = (envelope: Envelope<A>, delivery: Delivery) =>
    Effect.suspend(() => options.handler(envelope.message, delivery)).pipe(
      Effect.catchCauseIf(
        (cause: Cause.Cause<E | HandlerInterrupted>) => Cause.hasInterruptsOnly(cause),
        () => Effect.fail(new HandlerInterrupted())
      ),
      Effect.andThen(processed(name, "ok")),
      Effect.tapCause((cause) => reportFailure(cause, delivery.attempt)),
      Effect.withSpan(`${name} process`, {
        kind: "consumer",
        ...parentOf(envelope.traceparent),
        attributes: {
          "messaging.destination.name": topic.name,
          "messaging.consumer.group.name": subscriber,
          "messaging.message.id": delivery.id,
          "messaging.delivery_attempt": delivery.attempt
        }
      }),
      Effect.annotateLogs({ topic: topic.name, subscriber, messageId: delivery.id, attempt: delivery.attempt })
    )

  yield* wakeOnRing(name)
  yield* queue
    .take((envelope, { attempts, id }) => handle(envelope, { id, attempt: attempts }))
    .pipe(
      // What failed was reported where it failed; the message is settled, and the taker goes on.
      Effect.catchCauseIf(Predicate.not(Cause.hasInterruptsOnly), () => Effect.void),
      Effect.forever,
      Effect.replicateEffect(concurrency, { concurrency, discard: true }),
      Effect.forkScoped
    )
})

const parentOf = (traceparent: string | undefined) => {
  const parent = traceparent === undefined ? Option.none() : HttpTraceContext.w3c(Headers.fromInput({ traceparent }))
  return Option.match(parent, { onNone: () => ({ root: true }), onSome: (span) => ({ parent: span }) })
}

/**
 * The store's poller sleeps until its interval is over or an offer is made through this very store. So at each ring the
 * bell's row is offered, which exists: nothing is written, and the poller looks at once.
 */
const wakeOnRing = Effect.fnUntraced(function* (name: string) {
  const sql = yield* SqlClient.SqlClient
  const store = yield* PersistedQueue.PersistedQueueStore
  const doorbell = yield* Doorbell
  const rung = yield* Latch.make()
  yield* sql`
    INSERT INTO outbox (id, queue_name, element, state, attempts, visible_at, created_at, updated_at)
    VALUES (${OutboxTable.bell.id}, ${name}, 'null', ${OutboxTable.bell.state}, 0, NOW(), NOW(), NOW())
    ON CONFLICT (id, queue_name) DO NOTHING`
  yield* Effect.gen(function* () {
    yield* rung.await
    rung.closeUnsafe()
    yield* store.offer({ name, id: OutboxTable.bell.id, element: null, isCustomId: true, delay: undefined })
    yield* Effect.sleep(wakeInterval)
  }).pipe(
    Effect.catchTag("PersistedQueueError", (error) => Effect.logDebug("Could not wake a queue", error)),
    Effect.forever,
    Effect.forkScoped
  )
  yield* doorbell.listen(name, () => rung.openUnsafe())
})
