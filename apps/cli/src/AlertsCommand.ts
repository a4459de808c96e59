import { Alert, AlertId, AlertPage } from "@mall/domain/operations/Alert"
import { Alerts } from "@mall/platform/alerts/Alerts"
import { Console, Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { given, page } from "./flags.ts"
import { operator } from "./Operator.ts"
import { json, print, printPage } from "./Output.ts"
import * as Services from "./Services.ts"

const list = Command.make(
  "list",
  {
    ...page,
    open: Flag.Boolean("open").pipe(Flag.withDescription("Only what goes on now"), Flag.withDefault(false)),
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, open }) {
    const alerts = yield* Alerts
    const found = yield* alerts.list({ limit, ...given({ after }), ...(open ? { isOpen: true } : {}) })
    yield* printPage(found, {
      json,
      schema: AlertPage,
      columns: {
        id: ({ id }) => id,
        severity: ({ severity }) => severity,
        kind: ({ kind, subject }) => (subject === "" ? kind : `${kind} ${subject}`),
        opened: ({ openedAt }) => openedAt,
        resolved: ({ resolvedAt }) => resolvedAt,
        acknowledged: ({ acknowledgedBy }) => acknowledgedBy,
        what: ({ message }) => message
      },
      empty: "There are no such alerts."
    })
  })
).pipe(
  Command.withDescription("List security alerts, newest first"),
  Command.withExamples([{ command: "mall alerts list --open", description: "What goes on now" }]),
  Command.provide(Services.layer)
)

const ack = Command.make(
  "ack",
  {
    alert: Argument.String("alert").pipe(Argument.withSchema(AlertId), Argument.withDescription("The id of the alert")),
    json
  },
  Effect.fnUntraced(function* ({ alert, json }) {
    const alerts = yield* Alerts
    const taken = yield* alerts.acknowledge(alert, `operator:${yield* operator}`)
    yield* print(
      taken,
      { json, schema: Alert },
      Console.log(`${taken.kind} is acknowledged by ${taken.acknowledgedBy}; there are no more reminders of it.`)
    )
  })
).pipe(
  Command.withDescription("Say that somebody takes care of an alert: no more reminders"),
  Command.withExamples([{ command: "mall alerts ack 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }]),
  Command.provide(Services.layer)
)

export const AlertsCommand = Command.make("alerts").pipe(Command.withSubcommands([list, ack]))
