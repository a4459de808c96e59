import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { Config, Context, Duration, Effect, Layer, Option, Schema } from "effect"
import * as Downstream from "../Downstream.ts"
import { CallFailed } from "../DownstreamError.ts"
import type { DownstreamUnavailable } from "../DownstreamError.ts"

/** `host:port` of clamd. */
const Address = Schema.String.check(Schema.isPattern(/^(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/))

const chunkSize = 64 * 1024
const longestAnswer = 4096

/** INSTREAM of clamd: each chunk after its length as four bytes, and an empty one at the end. */
const framesOf = (bytes: Uint8Array): ReadonlyArray<Uint8Array> => {
  const frames: Array<Uint8Array> = [Buffer.from("zINSTREAM\0")]
  for (let at = 0; at < bytes.length; at += chunkSize) {
    const chunk = bytes.subarray(at, at + chunkSize)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(chunk.length)
    frames.push(length, chunk)
  }
  return [...frames, Buffer.alloc(4)]
}

/** What clamd said that is no verdict. */
class ScanRefused extends Schema.TaggedError<ScanRefused>()("ScanRefused", { answer: Schema.String }) {
  override get message() {
    return `clamd gave no verdict: ${this.answer}`
  }
}

const verdictOf = (answer: string) => {
  if (answer === "stream: OK") return Effect.succeed("clean" as const)
  if (answer.endsWith(" FOUND")) return Effect.succeed("infected" as const)
  return Effect.fail(
    new CallFailed({
      isRetryable: true,
      mayHaveHappened: true,
      cause: new ScanRefused({ answer: answer.slice(0, 200) })
    })
  )
}

/**
 * Looks for viruses. `isThere` is false where no scanner is configured, and then everything is `unscanned`; where one is and gives
 * no verdict, the call fails, and what was to be scanned stays where nobody gets it.
 */
export class VirusScanner extends Context.Service<
  VirusScanner,
  {
    readonly isThere: boolean
    scan(bytes: Uint8Array): Effect.Effect<"clean" | "infected" | "unscanned", DownstreamUnavailable>
  }
>()("@mall/platform/scanning/VirusScanner") {
  /** ClamAV at `CLAMD_ADDRESS`, by TCP. Needs the store of circuit breakers. */
  static readonly layer = Layer.effect(
    VirusScanner,
    Effect.gen(function* () {
      const address = yield* Config.option(Config.schema(Address, "CLAMD_ADDRESS"))
      if (Option.isNone(address)) {
        return VirusScanner.of({ isThere: false, scan: () => Effect.succeed("unscanned" as const) })
      }
      const separator = address.value.lastIndexOf(":")
      const host = address.value.slice(0, separator).replaceAll(/[[\]]/g, "")
      const port = Number(address.value.slice(separator + 1))
      const downstream = yield* Downstream.make("clamd", { timeout: Duration.seconds(20), maxAttempts: 2 })

      const ask = Effect.fnUntraced(
        function* (bytes: Uint8Array) {
          const socket = yield* NodeSocket.makeNet({ host, port })
          const reader = yield* socket.reader
          const writer = yield* socket.writer
          for (const frame of framesOf(bytes)) yield* writer.write(frame)
          let answer = Buffer.alloc(0)
          while (!answer.includes(0) && answer.length < longestAnswer) {
            const chunks = yield* reader.pull
            answer = Buffer.concat([answer, ...chunks.map((chunk) => Buffer.from(chunk))])
          }
          return answer.subarray(0, answer.indexOf(0)).toString().trim()
        },
        Effect.scoped,
        Effect.catchTag("SocketError", (error) => Effect.fail(CallFailed.ofCause(error)))
      )

      return VirusScanner.of({
        isThere: true,
        scan: (bytes) =>
          downstream.call(Effect.flatMap(ask(bytes), verdictOf), { operation: "scan", isRepeatable: true })
      })
    })
  )
}
