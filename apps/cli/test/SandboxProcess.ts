import * as NodeServices from "@effect/platform-node/NodeServices"
import { Context, Effect, Layer, Logger, Schema, Stream } from "effect"
import { mallFolder } from "@mall/testing/mallFolder"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { ChildProcess } from "effect/process"
import * as path from "node:path"
import process from "node:process"
import { CommandLine } from "./CommandLine.ts"

const main = path.join(import.meta.dirname, "../../sandbox/src/main.ts")
const Json = Schema.fromJsonString(Schema.Json)

/** The stand-ins for the channels in a process of their own, and the hand of the buyer and of their bank. */
export class SandboxProcess extends Context.Service<
  SandboxProcess,
  {
    readonly dataFolder: string
    readonly port: string
    control(path: string, body?: unknown): Effect.Effect<Schema.Json>
  }
>()("@mall/cli/test/SandboxProcess") {
  static readonly layer = Layer.effect(
    SandboxProcess,
    Effect.gen(function* () {
      const http = yield* HttpClient.HttpClient
      const dataFolder = yield* mallFolder
      const child = yield* ChildProcess.make(process.execPath, [main], {
        env: { MALL_DATA_DIR: dataFolder, SANDBOX_PORT: "0", LOG_LEVEL: undefined },
        extendEnv: true,
        stdin: "ignore"
      })
      const port = yield* child.stdout.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.map((line) => /sandbox at http:\/\/[^:]+:(\d+)\//.exec(line)?.[1]),
        Stream.filter((found) => found !== undefined),
        Stream.runHead,
        Effect.flatMap(Effect.fromOption)
      )
      return SandboxProcess.of({
        dataFolder,
        port,
        control: (path, body = {}) =>
          HttpClientRequest.post(`http://127.0.0.1:${port}/control${path}`).pipe(
            HttpClientRequest.bodyJsonUnsafe(body),
            http.execute,
            Effect.flatMap((response) => response.text),
            Effect.flatMap((text) => (text === "" ? Effect.succeed(null) : Schema.decodeEffect(Json)(text))),
            Effect.orDie
          )
      })
    })
  ).pipe(Layer.provide([NodeServices.layer, FetchHttpClient.layer]), Layer.orDie)

  /** Commands and services whose channels are that sandbox. Nobody listens where it sends its notices. */
  static readonly layerCommandLine = CommandLine.layerServices.pipe(
    Layer.provideMerge(
      Layer.unwrap(
        Effect.map(SandboxProcess, ({ dataFolder, port }) =>
          CommandLine.layerWith({
            MALL_DATA_DIR: dataFolder,
            SANDBOX_PORT: port,
            PUBLIC_URL: "http://127.0.0.1:9",
            FX_ECB_URL: `http://127.0.0.1:${port}/ecb/stats/eurofxref/eurofxref-daily.xml`
          })
        )
      )
    ),
    Layer.provideMerge(SandboxProcess.layer),
    Layer.provideMerge(Logger.layer([]))
  )
}
