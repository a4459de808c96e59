import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Contexts from "@mall/server/Contexts"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, Console, Context, Effect, FileSystem, Layer, Redacted, Schema } from "effect"
import { TestConsole } from "effect/testing"
import { run } from "../src/Mall.ts"

/** What a command said and how it ended. */
interface Outcome {
  readonly code: 0 | 1 | 2
  readonly out: string
  readonly err: string
}

/** The settings of a command on a database of the test file's own; `environment` is what a child process is given. */
export class CommandLine extends Context.Service<
  CommandLine,
  {
    readonly environment: Readonly<Record<string, string>>
    readonly folder: string
    /** Runs one command line here, with its own console. */
    mall(...args: ReadonlyArray<string>): Effect.Effect<Outcome>
  }
>()("@mall/cli/test/CommandLine") {
  /** `settings` besides those that every command here has. */
  static layerWith(settings: Readonly<Record<string, string>>) {
    return Layer.effect(
      CommandLine,
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped({ prefix: "mall-cli-" })
        const environment = {
          DATABASE_URL: Redacted.value(yield* acquireDatabase),
          MALL_DATA_DIR: `${folder}/data`,
          MALL_SECRET_KEY: "0123456789abcdef0123456789abcdef",
          MALL_OPERATOR: "olga",
          LOG_LEVEL: "Error",
          PASSWORD_HASH_MEMORY_KIB: "64",
          PASSWORD_HASH_PASSES: "1",
          ...settings
        }
        const mall = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
          const console = yield* TestConsole.make
          const code = yield* run(args).pipe(
            Effect.as(0 as const),
            Effect.catchTag("Ended", ({ code }) => Effect.succeed(code)),
            Effect.provideService(Console.Console, console),
            Effect.provide([NodeServices.layer, ConfigProvider.layer(ConfigProvider.fromUnknown(environment))])
          )
          const out = (yield* console.logLines).map(String).join("\n")
          return { code, out, err: (yield* console.errorLines).map(String).join("\n") }
        })
        return CommandLine.of({ environment, folder, mall: (...args) => Effect.scoped(mall(...args)) })
      })
    ).pipe(Layer.provide(NodeServices.layer))
  }

  static readonly layer = CommandLine.layerWith({})

  /** The services of every context on the database of the commands, to arrange and to look with. */
  static readonly layerServices = Contexts.layerCommand.pipe(
    Layer.provideMerge(
      Layer.unwrap(
        Effect.map(CommandLine, ({ environment }) => Sql.layerUrl(Redacted.make(environment["DATABASE_URL"] ?? "")))
      )
    ),
    Layer.provide(
      Layer.unwrap(
        Effect.map(CommandLine, ({ environment }) => ConfigProvider.layer(ConfigProvider.fromUnknown(environment)))
      )
    )
  )

  static readonly layerWithServices = CommandLine.layerServices.pipe(Layer.provideMerge(CommandLine.layer))
}

/** What `--json` printed, decoded as a client decodes it. */
export const decode = <A, I>(schema: Schema.Codec<A, I>, { out }: Outcome) =>
  Schema.decodeEffect(Schema.fromJsonString(Schema.toCodecJson(schema)))(out)
