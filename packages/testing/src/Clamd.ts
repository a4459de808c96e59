import { Context, Effect, Layer } from "effect"
import { createServer } from "node:net"

/** The test file of EICAR, in two parts, so that no scanner takes this source for it. */
export const eicar = Buffer.from(["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD", "-ANTIVIRUS-TEST-FILE!$H+H*"].join(""))

const command = "zINSTREAM\0"

/** What INSTREAM carries: undefined while it is not whole. */
const streamOf = (received: Buffer) => {
  const parts: Array<Buffer> = []
  let at = command.length
  while (at + 4 <= received.length) {
    const length = received.readUInt32BE(at)
    if (length === 0) return Buffer.concat(parts)
    parts.push(received.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return undefined
}

/** A peer that speaks clamd's protocol, and gives no verdict while it is `silent`. `sizes` are those of what it was sent. */
export class Clamd extends Context.Service<
  Clamd,
  { readonly port: number; silent: boolean; readonly sizes: Array<number> }
>()("@mall/testing/Clamd") {
  static readonly layer = Layer.effect(
    Clamd,
    Effect.acquireRelease(
      Effect.callback<{ readonly state: Clamd["Service"]; readonly close: () => void }>((resume) => {
        const server = createServer((socket) => {
          let received = Buffer.alloc(0)
          socket.on("error", () => socket.destroy())
          socket.on("data", (data) => {
            received = Buffer.concat([received, data])
            const stream = streamOf(received)
            if (stream === undefined) return
            state.sizes.push(stream.length)
            const isWhole = received.subarray(0, command.length).toString() === command
            const answer = stream.includes(eicar) ? "stream: Eicar-Signature FOUND\0" : "stream: OK\0"
            socket.end(state.silent || !isWhole ? "INSTREAM size limit exceeded. ERROR\0" : answer)
          })
        })
        const state = { port: 0, silent: false, sizes: new Array<number>() }
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          state.port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({ state, close: () => server.close() }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ).pipe(Effect.map(({ state }) => state))
  )
}
