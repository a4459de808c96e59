import { QueueMessage, QueueMessagePage, QueueStatus } from "@mall/domain/operations/Queue"
import { Queues } from "@mall/platform/Queues"
import { Console, Effect, Layer, Option, Runtime, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, page } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, printPage, table } from "./Output.ts"
import * as ReadyDatabase from "./ReadyDatabase.ts"

const Services = Queues.layer.pipe(Layer.provideMerge(ReadyDatabase.layer))

const queue = Argument.String("queue").pipe(
  Argument.withDescription("The name of the queue, as `mall queues list` tells it: <topic>.<subscriber>")
)
const message = Argument.String("message").pipe(Argument.withDescription("The id of the message"))

const list = Command.make(
  "list",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const queues = yield* Queues
    const all = yield* queues.list
    yield* print(
      all,
      { json, schema: Schema.Array(QueueStatus) },
      table(
        {
          queue: ({ queue }) => queue,
          waiting: ({ waiting }) => waiting,
          running: ({ running }) => running,
          delayed: ({ delayed }) => delayed,
          completed: ({ completed }) => completed,
          dead: ({ dead }) => dead,
          "oldest waits since": ({ oldestWaitingSince }) => oldestWaitingSince
        },
        all,
        "No queue has a message or a subscriber yet."
      )
    )
  })
).pipe(
  Command.withDescription("List the queues with their messages counted by state"),
  Command.withExamples([{ command: "mall queues list", description: "What is dead waits for you" }]),
  Command.provide(Services)
)

const dead = Command.make(
  "dead",
  { queue, ...page, json },
  Effect.fnUntraced(function* ({ after, json, limit, queue }) {
    const queues = yield* Queues
    yield* printPage(yield* queues.dead(queue, { limit, ...given({ after }) }), {
      json,
      schema: QueueMessagePage,
      columns: {
        id: ({ id }) => id,
        published: ({ publishedAt }) => publishedAt,
        attempts: ({ attempts }) => attempts,
        "last tried": ({ updatedAt }) => updatedAt,
        failure: ({ lastFailure }) => lastFailure?.split("\n", 1)[0]?.slice(0, 100)
      },
      empty: `The queue ${queue} has no dead messages.`
    })
  })
).pipe(
  Command.withDescription("List the messages of a queue that failed for good, the latest published first"),
  Command.withExamples([{ command: "mall queues dead mark_order_paid.trade" }]),
  Command.provide(Services)
)

const show = Command.make(
  "show",
  { queue, message, json },
  Effect.fnUntraced(function* ({ json, message, queue }) {
    const queues = yield* Queues
    const found = yield* queues.show(queue, message)
    yield* print(
      found,
      { json, schema: QueueMessage },
      fields({
        queue: found.queue,
        id: found.id,
        state: found.state,
        attempts: found.attempts,
        published: found.publishedAt,
        "may be taken": found.visibleAt,
        updated: found.updatedAt,
        failure: found.lastFailure,
        content: found.content
      })
    )
  })
).pipe(
  Command.withDescription("Show a message, what it says and why it failed last"),
  Command.withExamples([{ command: "mall queues show mark_order_paid.trade 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }]),
  Command.provide(Services)
)

const Retried = Schema.Struct({ queue: Schema.String, retried: Schema.Int })

class RetryUnclear extends Schema.TaggedError<RetryUnclear>()("RetryUnclear", {}) {
  override readonly [Runtime.errorExitCode] = 2
  override get message() {
    return "Say which message to retry, or --all, and not both"
  }
}

const retry = Command.make(
  "retry",
  {
    queue,
    message: message.pipe(Argument.optional),
    all: Flag.Boolean("all").pipe(Flag.withDescription("Every dead message of the queue"), Flag.withDefault(false)),
    json
  },
  Effect.fnUntraced(function* ({ all, json, message, queue }) {
    const queues = yield* Queues
    const by = yield* operator
    if (all === Option.isSome(message)) return yield* new RetryUnclear()
    const retried = Option.isSome(message)
      ? yield* Effect.as(queues.retry(queue, message.value, by), 1)
      : yield* queues.retryAll(queue, by)
    yield* print(
      { queue, retried },
      { json, schema: Retried },
      Console.log(`${retried} ${retried === 1 ? "message is" : "messages are"} tried again, with all attempts.`)
    )
  })
).pipe(
  Command.withDescription(
    "Give a dead message, or all of a queue, every attempt again; do so once the cause is mended"
  ),
  Command.withExamples([
    { command: "mall queues retry mark_order_paid.trade 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" },
    { command: "mall queues retry mark_order_paid.trade --all" }
  ]),
  Command.provide(Services)
)

const Dropped = Schema.Struct({ queue: Schema.String, dropped: Schema.String })

const drop = Command.make(
  "drop",
  { queue, message, yes, json },
  Effect.fnUntraced(function* ({ json, message, queue, yes }) {
    const queues = yield* Queues
    yield* queues.show(queue, message)
    yield* confirm(`Dropping the message ${message}`, yes)
    yield* queues.drop(queue, message, yield* operator)
    yield* print(
      { queue, dropped: message },
      { json, schema: Dropped },
      Console.log(`The message ${message} is given up.`)
    )
  })
).pipe(
  Command.withDescription("Give a dead message up: what it tells will not be heard"),
  Command.withExamples([
    { command: "mall queues drop mark_order_paid.trade 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --yes" }
  ]),
  Command.provide(Services)
)

export const QueuesCommand = Command.make("queues").pipe(Command.withSubcommands([list, dead, show, retry, drop]))
