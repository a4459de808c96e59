import * as NodeStream from "@effect/platform-node/NodeStream"
import { ByteSize, Duration, Effect, Stream } from "effect"
import type { Readable } from "node:stream"
import type { ChannelError } from "./ChannelError.ts"
import { fromNetwork } from "./channelFailure.ts"

/** No bill is longer. */
export const longestFile = 4_294_967_296

/** A file of which nothing more comes for so long is given up. */
const longestSilence = Duration.seconds(30)

/** A file as it comes, given up where it stalls or has no end. */
export const boundedFile = (bytes: Stream.Stream<Uint8Array, ChannelError>) =>
  bytes.pipe(
    Stream.limitBytes(ByteSize.bytes(longestFile), () => Stream.fail(fromNetwork("FILE_TOO_LONG"))),
    Stream.timeoutOrElse({ duration: longestSilence, orElse: () => Stream.fail(fromNetwork("FILE_STALLED")) })
  )

/** What a library opens as a stream of Node's, closed with the scope. */
export const openedFile = (open: Effect.Effect<Readable, ChannelError>) =>
  Effect.map(
    Effect.acquireRelease(open, (readable) => Effect.sync(() => readable.destroy())),
    (readable) =>
      boundedFile(
        NodeStream.fromReadable<Uint8Array, ChannelError>({
          evaluate: () => readable,
          onError: () => fromNetwork("FILE_BROKEN_OFF"),
          closeOnDone: true
        })
      )
  )

const encoder = new TextEncoder()

/** Pages of lines as the bytes of a bill: an object a line, and a last line that says how many there were. */
export const countedLines = <E, R>(pages: Stream.Stream<ReadonlyArray<string>, E, R>) =>
  Stream.suspend(() => {
    let count = 0
    const bytes = Stream.map(pages, (lines) => {
      count += lines.length
      return encoder.encode(lines.map((line) => `${line}\n`).join(""))
    })
    const end = Stream.fromEffect(Effect.sync(() => encoder.encode(`{"object":"end","count":${count}}\n`)))
    return Stream.concat(bytes, end)
  })
