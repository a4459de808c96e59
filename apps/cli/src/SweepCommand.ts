import * as PaymentWorker from "@mall/payments/PaymentWorker"
import * as PlatformSweeps from "@mall/platform/PlatformSweeps"
import { SweepRun } from "@mall/platform/SweepRunRepo"
import { Sweeps } from "@mall/platform/Sweeps"
import type { SweepStatus } from "@mall/platform/Sweeps"
import * as TradeWorker from "@mall/trade/TradeWorker"
import { Console, Duration, Effect, Layer, Option, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import { json, print, table } from "./Output.ts"
import * as Services from "./Services.ts"

const Registered = Layer.mergeAll(TradeWorker.sweeps, PaymentWorker.sweeps, PlatformSweeps.layer).pipe(
  Layer.provideMerge(Sweeps.layer),
  Layer.provideMerge(Services.layer)
)

const Status = Schema.Struct({
  name: Schema.String,
  everySeconds: Schema.Finite,
  lastRun: Schema.NullOr(SweepRun)
})

const statusOf = ({ every, lastRun, name }: SweepStatus): typeof Status.Type => ({
  name,
  everySeconds: Duration.toSeconds(every),
  lastRun: Option.getOrNull(lastRun)
})

const list = Command.make(
  "list",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const sweeps = yield* Sweeps
    const statuses = (yield* sweeps.list).map(statusOf)
    yield* print(
      statuses,
      { json, schema: Schema.Array(Status) },
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
    const items = yield* sweeps.run(name)
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
