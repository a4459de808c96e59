import { SweepStatus } from "@mall/domain/operations/Sweep"
import { Sweeps } from "@mall/platform/Sweeps"
import * as Worker from "@mall/server/Worker"
import { Console, Effect, Layer, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import { operator } from "./Operator.ts"
import { json, print, table } from "./Output.ts"
import * as Services from "./Services.ts"

const Registered = Worker.sweeps.pipe(Layer.provideMerge(Sweeps.layer), Layer.provideMerge(Services.layer))

const list = Command.make(
  "list",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const sweeps = yield* Sweeps
    const statuses = yield* sweeps.list
    yield* print(
      statuses,
      { json, schema: Schema.Array(SweepStatus) },
      table(
        {
          name: ({ name }) => name,
          every: ({ everySeconds }) => `${everySeconds} s`,
          "last run": ({ lastRun }) => lastRun?.finishedAt,
          outcome: ({ lastRun }) => lastRun?.outcome ?? "never ran",
          items: ({ lastRun }) => lastRun?.items,
          "last success": ({ lastRun }) => lastRun?.lastSuccessAt,
          failures: ({ lastRun }) => lastRun?.totalFailures,
          error: ({ lastRun }) => lastRun?.error?.split("\n", 1)[0]
        },
        statuses,
        "There are no sweeps."
      )
    )
  })
).pipe(
  Command.withDescription("List what workers do on a schedule, and how the last run of each went"),
  Command.withExamples([{ command: "mall sweep list", description: "A last success long ago: no worker runs" }]),
  Command.provide(Registered)
)

const Result = Schema.Struct({ name: Schema.String, items: Schema.Int })

const run = Command.make(
  "run",
  {
    name: Argument.String("name").pipe(
      Argument.withDescription("The name of the sweep, as `mall sweep list` tells it")
    ),
    json
  },
  Effect.fnUntraced(function* ({ json, name }) {
    const sweeps = yield* Sweeps
    const items = yield* sweeps.run(name, yield* operator)
    yield* print({ name, items }, { json, schema: Result }, Console.log(`${name} did ${items} items.`))
  })
).pipe(
  Command.withDescription("Run a sweep now, here, to its end; workers may run it at the same time"),
  Command.withExamples([
    { command: "mall sweep run expired_orders", description: "Cancel what was not paid in time" },
    { command: "mall sweep run payment_attempts", description: "Ask the channels about payments without an answer" }
  ]),
  Command.provide(Registered)
)

export const SweepCommand = Command.make("sweep").pipe(Command.withSubcommands([list, run]))
