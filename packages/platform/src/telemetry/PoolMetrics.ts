import { Effect } from "effect"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { Socket } from "node:net"
import { performance } from "node:perf_hooks"
import { makeRegistrar, Tally } from "./Tally.ts"

const waitBounds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]

/** The figures of one pool, and of all of them. */
interface Figures {
  readonly waits: Tally
  readonly all: { used: number }
  waiting: number
}

/** One who wants a connection: waits, then holds one. `ended` may come at any moment, and more than once. */
export class Lease {
  private readonly figures: Figures
  private readonly began = performance.now()
  private state: "waiting" | "used" | "ended" = "waiting"

  constructor(figures: Figures) {
    this.figures = figures
    figures.waiting++
  }

  got() {
    if (this.state !== "waiting") return
    this.state = "used"
    this.figures.waiting--
    this.figures.all.used++
    this.figures.waits.add((performance.now() - this.began) / 1000)
  }

  ended() {
    if (this.state === "waiting") this.figures.waiting--
    if (this.state === "used") this.figures.all.used--
    this.state = "ended"
  }
}

const created = "net.client.socket"

/**
 * Follows the sockets of this process to the port, or where there is none its Unix sockets, of which nobody tells the path: a
 * pool does not tell when it opens and closes a connection.
 */
const openSockets = Effect.fnUntraced(function* (port: number | undefined) {
  const open = new Set<Socket>()
  const onCreated = (message: unknown) => {
    const socket = typeof message === "object" && message !== null && "socket" in message ? message.socket : undefined
    if (!(socket instanceof Socket)) return
    socket.once("connect", () => {
      if (socket.remotePort !== port) return
      open.add(socket)
      socket.once("close", () => open.delete(socket))
    })
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => subscribe(created, onCreated)),
    () => Effect.sync(() => unsubscribe(created, onCreated))
  )
  return () => open.size
})

/**
 * The figures of the connections of this process to the database at `port` (on a Unix socket where there is none), by the names of OpenTelemetry's semantic
 * conventions. Answers with how a pool enters its own: each who wants a connection of it takes a lease first.
 */
export const make = Effect.fnUntraced(function* (port: number | undefined) {
  const { gauge, histogram } = yield* makeRegistrar
  const open = yield* openSockets(port)
  const all = { used: 0 }
  const count = (state: string, get: () => number) =>
    gauge("db_client_connection_count", "Connections of all pools to PostgreSQL", { state }, get)
  count("used", () => all.used)
  count("idle", () => Math.max(0, open() - all.used))

  return (pool: string, max: number) => {
    const figures: Figures = { all, waits: new Tally(waitBounds), waiting: 0 }
    gauge("db_client_connection_max", "Connections that a pool may open", { pool }, () => max)
    gauge("db_client_connection_pending_requests", "Who waits for a connection", { pool }, () => figures.waiting)
    histogram("db_client_connection_wait_time_seconds", "How long it took to get a connection", { pool }, () =>
      figures.waits.state(1)
    )
    return () => new Lease(figures)
  }
})
