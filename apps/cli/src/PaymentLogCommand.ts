import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { PaymentLogPage } from "@mall/domain/payments/PaymentLog"
import { PaymentLog } from "@mall/payments/log/PaymentLog"
import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { given, page } from "./flags.ts"
import { json, printPage } from "./Output.ts"
import * as Services from "./Services.ts"

export const log = Command.make(
  "log",
  {
    payment: Argument.String("payment").pipe(
      Argument.withSchema(PaymentId),
      Argument.withDescription("The id of the payment")
    ),
    ...page,
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, payment }) {
    const log = yield* PaymentLog
    yield* printPage(yield* log.read(payment, { limit, ...given({ after }) }), {
      json,
      schema: PaymentLogPage,
      columns: {
        when: ({ at }) => at,
        kind: ({ kind }) => kind,
        of: ({ subject }) => subject,
        channel: ({ channel }) => channel,
        what: ({ what }) => what,
        outcome: ({ outcome }) => outcome,
        "took ms": ({ durationMillis }) => durationMillis,
        who: ({ actor }) => actor,
        trace: ({ traceId }) => traceId
      },
      empty: "Nothing happened to this payment."
    })
  })
).pipe(
  Command.withDescription(
    "List all that happened to a payment, oldest first: calls to channels, changes of state, notices, incidents"
  ),
  Command.withExamples([
    { command: "mall payments log 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77", description: "In short" },
    {
      command: "mall payments log 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --limit 100 --json",
      description: "With what was sent and received, without secrets"
    }
  ]),
  Command.provide(Services.layer)
)
