import { Uuid7 } from "@mall/domain/kernel/Id"
import { Callback, CallbackPage, CallbackStatus } from "@mall/domain/payments/PaymentDetails"
import { PaymentOperations } from "@mall/payments/lifecycle/PaymentOperations"
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { given, page } from "./flags.ts"
import { fields, json, print, printPage } from "./Output.ts"
import * as Services from "./Services.ts"

const callback = Argument.String("callback").pipe(
  Argument.withSchema(Uuid7),
  Argument.withDescription("The id of the callback")
)

const printCallback = (callback: Callback, json: boolean) =>
  print(
    callback,
    { json, schema: Callback },
    fields({
      id: callback.id,
      channel: callback.channel,
      event: `${callback.eventType} ${callback.eventId}`,
      status: callback.status,
      outcome: callback.outcome,
      payment: callback.paymentId,
      runs: callback.runs,
      received: callback.receivedAt,
      processed: callback.processedAt
    })
  )

const list = Command.make(
  "list",
  {
    ...page,
    status: Flag.Literals("status", CallbackStatus.literals).pipe(
      Flag.withDescription("Only those: `parked` waits for a person"),
      Flag.optional
    ),
    channel: Flag.String("channel").pipe(
      Flag.withDescription("Only of this channel, such as wechatpay"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, channel, json, limit, status }) {
    const operations = yield* PaymentOperations
    yield* printPage(yield* operations.listCallbacks({ limit, ...given({ after, channel, status }) }), {
      json,
      schema: CallbackPage,
      columns: {
        id: ({ id }) => id,
        channel: ({ channel }) => channel,
        what: ({ eventType }) => eventType,
        status: ({ status }) => status,
        outcome: ({ outcome }) => outcome,
        payment: ({ paymentId }) => paymentId,
        received: ({ receivedAt }) => receivedAt
      },
      empty: "There are no such callbacks."
    })
  })
).pipe(
  Command.withDescription("List the notices that channels sent, newest first"),
  Command.withExamples([
    { command: "mall payments callbacks list --status parked", description: "What waits for you" }
  ]),
  Command.provide(Services.layer)
)

const show = Command.make(
  "show",
  { callback, json },
  Effect.fnUntraced(function* ({ callback, json }) {
    const operations = yield* PaymentOperations
    yield* printCallback(yield* operations.showCallback(callback), json)
  })
).pipe(
  Command.withDescription("Show a notice and what came of it"),
  Command.withExamples([{ command: "mall payments callbacks show 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }]),
  Command.provide(Services.layer)
)

const replay = Command.make(
  "replay",
  { callback, json },
  Effect.fnUntraced(function* ({ callback, json }) {
    const operations = yield* PaymentOperations
    yield* printCallback(yield* operations.replayCallback(callback), json)
  })
).pipe(
  Command.withDescription("Act upon a notice once more; where it was acted upon before, nothing changes"),
  Command.withExamples([{ command: "mall payments callbacks replay 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }]),
  Command.provide(Services.layer)
)

export const CallbacksCommand = Command.make("callbacks").pipe(
  Command.withDescription("Look at the notices of channels, and act upon one again"),
  Command.withSubcommands([list, show, replay])
)
