import { Effect } from "effect"
import { createServer, request } from "node:http"
import { setTimeout } from "node:timers/promises"

/**
 * A proxy that hands what it is sent to `targets` in turn, byte for byte, as a load balancer before them would. While there is none it
 * lets who asks wait.
 */
export const alternately = (targets: () => ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly handled: Array<string>; close(): void }>((resume) => {
      const handled: Array<string> = []
      const server = createServer(async (incoming, outgoing) => {
        while (targets().length === 0) await setTimeout(20)
        const list = targets()
        const target = list[handled.length % list.length] ?? ""
        handled.push(target)
        const forwarded = request(
          `${target}${incoming.url}`,
          { method: incoming.method, headers: incoming.headers },
          (answer) => {
            outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
            answer.on("error", () => outgoing.destroy())
            answer.pipe(outgoing)
          }
        )
        forwarded.on("error", () => outgoing.destroy())
        incoming.pipe(forwarded)
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const close = () => {
          server.closeAllConnections()
          server.close()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, handled, close }))
      })
    }),
    (proxy) => Effect.sync(() => proxy.close())
  )
