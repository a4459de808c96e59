import { Effect, Redacted } from "effect"
import * as net from "node:net"

const connected = (server: net.Server) =>
  new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resolve(typeof address === "object" && address !== null ? address.port : 0)
    })
  })

/** Tells which statement a connection asks for: one that is prepared goes by the name under which it came with its text. */
const statements = () => {
  const texts = new Map<string, string>()
  return (question: Buffer) => {
    const said = question.toString("latin1")
    for (const [, name = "", text = ""] of said.matchAll(/P[^]{4}([^\0]*)\0([^\0]+)\0/g)) texts.set(name, text)
    const bound = Array.from(said.matchAll(/B[^]{4}\0([^\0]*)\0/g), ([, name = ""]) => texts.get(name) ?? "")
    return `${said} ${bound.join(" ")}`
  }
}

/**
 * Stands between clients and the PostgreSQL at `database`, at a port of its own, until the scope ends, and passes everything on.
 * A connection breaks where a test wants it: at the next question, of which PostgreSQL never hears, or at its answer.
 */
export const startSqlTap = Effect.fnUntraced(function* (database: Redacted.Redacted) {
  const address = new URL(Redacted.value(database))
  let breaksAt: "question" | "answer" | undefined
  let breaksWhere = ""
  const sockets = new Set<net.Socket>()

  /** Whether this is where the connection breaks, which it does once. */
  const breaks = (at: "question" | "answer", asked: string) => {
    if (breaksAt !== at || !asked.includes(breaksWhere)) return false
    breaksAt = undefined
    return true
  }

  const server = net.createServer((client) => {
    const postgres = net.connect(Number(address.port || "5432"), address.hostname)
    const end = () => {
      client.destroy()
      postgres.destroy()
    }
    for (const socket of [client, postgres]) {
      sockets.add(socket)
      socket.on("error", end)
      socket.on("close", () => {
        sockets.delete(socket)
        end()
      })
    }
    const statementOf = statements()
    let asked = ""
    client.on("data", (question) => {
      asked = statementOf(question)
      if (breaks("question", asked)) end()
      else postgres.write(question)
    })
    postgres.on("data", (answer) => (breaks("answer", asked) ? end() : client.write(answer)))
  })
  const port = yield* Effect.acquireRelease(
    Effect.promise(() => connected(server)),
    () =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  )

  const url = new URL(address)
  url.hostname = "127.0.0.1"
  url.port = String(port)
  url.searchParams.delete("host")
  return {
    /** Where PostgreSQL answers through the tap. */
    database: Redacted.make(url.href),
    /** Breaks the connection that is used next, of those that ask for a statement with `where` in it, or none. */
    breakAt: (at: "question" | "answer" | undefined, where = "") =>
      Effect.sync(() => {
        breaksAt = at
        breaksWhere = where
      })
  }
})
