import { CurrentActor } from "@mall/platform/audit/CurrentActor"
import { maskCardNumbers } from "@mall/platform/telemetry/cardNumbers"
import { Cause, Console, Effect, Layer, Option, Runtime, Schema } from "effect"
import { CliConfig, CliError, CliOutput, Command, GlobalFlag } from "effect/cli"
import { commands } from "./commands.ts"
import { describeFailure } from "./describeFailure.ts"
import { operator } from "./Operator.ts"
import * as StderrLogger from "./StderrLogger.ts"

const version = "0.1.0"

/** How the process ends where it does not end with 0; everything there is to say was said. */
class Ended extends Schema.TaggedError<Ended>()("Ended", { code: Schema.Literals([1, 2]) }) {
  override readonly [Runtime.errorExitCode] = this.code
  override get message() {
    return `The command ended with ${this.code}`
  }
}

/** The tree of commands, with those in full that `args` speaks of; to load all of them would take longer than most need. */
const load = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const wanted = args.find((arg) => !arg.startsWith("-"))
  const isForAll = args.some((arg) => arg.startsWith("--completions"))
  const subcommands = yield* Effect.forEach(commands, (command) =>
    isForAll || command.name === wanted ? command.load : Effect.succeed(command.outline)
  )
  return Command.make("mall").pipe(
    Command.withDescription(
      "Operate the mall: its accounts, orders, payments and background work. It joins the database of a running server, uses DATABASE_URL where that is set, and else starts the embedded database for as long as it needs it."
    ),
    Command.withExamples([
      { command: "mall users show ann@example.com", description: "Look at an account" },
      { command: "mall orders list --status pending_payment", description: "Orders that wait for their payment" },
      { command: "mall queues list --json", description: "The same that a person sees, for a program" },
      { command: "mall payments refund --help", description: "What a command does, takes and answers" },
      {
        command: "mall --completions bash > /etc/bash_completion.d/mall",
        description: "Complete commands in the shell"
      }
    ]),
    Command.withSubcommands(subcommands)
  )
})

const present: CliOutput.Presenter["present"] = Effect.fnUntraced(function* (event) {
  if (event._tag !== "InvalidInvocation") return yield* CliOutput.defaultPresenter.present(event)
  const command = event.commandPath.join(" ")
  for (const { message } of event.errors) {
    yield* Console.error(message.replace("Expected: Schema validation failed: ", ""))
  }
  yield* Console.error(`\nUsage: ${event.helpDoc.usage}\nMore: ${command} --help`)
})

const Surroundings = Layer.mergeAll(
  StderrLogger.layer,
  CliOutput.layerPresenter({ present }),
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] })
)

/** Wrong usage has been told with its help already; `mall` alone asks for the help. */
const endOf = (cause: Cause.Cause<unknown>) =>
  Effect.gen(function* () {
    const error = Cause.squash(cause)
    if (Cause.hasInterruptsOnly(cause)) return yield* Effect.interrupt
    if (CliError.isCliError(error) && error._tag === "ShowHelp") {
      const isBare = error.errors.length === 0 && error.commandPath.length === 1
      if (isBare) return
      return yield* new Ended({ code: 2 })
    }
    const { code, text } = yield* describeFailure(cause)
    yield* Console.error(maskCardNumbers(text))
    return yield* new Ended({ code })
  })

/** Whoever has no name is told so by the command that needs it. */
const asOperator = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.option(operator), (name) =>
    Effect.provideService(
      effect,
      CurrentActor,
      Option.getOrUndefined(Option.map(name, (id) => ({ kind: "operator", id, roles: [] }) as const))
    )
  )

/**
 * `--reason "-half of it"` as `--reason=-half of it`: what holds a blank is no flag, and its letters are none either. One of them
 * is `-h`, by which a command would print its help, do nothing and end as if all were well.
 */
const withValues = (args: ReadonlyArray<string>) => {
  const joined: Array<string> = []
  for (const arg of args) {
    const flag = joined.at(-1)
    const isValue = /^-(?!-)[^=]*\s/.test(arg) && flag !== undefined && /^--[^=]+$/.test(flag)
    if (isValue) joined.splice(-1, 1, `${flag}=${arg}`)
    else joined.push(arg)
  }
  return joined
}

/** Runs one command line. Results go to standard output; progress, logs and what went wrong to standard error. */
export const run = (args: ReadonlyArray<string>) =>
  Effect.flatMap(load(args), (mall) => Command.runWith(mall, { version })(withValues(args))).pipe(
    asOperator,
    Effect.provide(Surroundings),
    Effect.catchCause(endOf)
  )
