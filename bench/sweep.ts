import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Redacted } from "effect"
import { send, steady } from "./load.ts"
import type { Running } from "./server.ts"
import { anyBuyer, anySku, placeOrder } from "./shop.ts"
import type { Shop } from "./shop.ts"

/** The longest that is waited for, in milliseconds. */
const patience = 300_000

/**
 * Places `count` orders over HTTP, lets them and their payments, which end at the same time, all expire at once, and watches the sweeps
 * clear them under load. Their timeouts, which are messages for the time that they had, are not due yet.
 */
export const measureSweep = async (
  server: Running,
  shop: Shop,
  count: number,
  mixed: (turn: number) => Promise<boolean>
) => {
  let placed = 0
  const place = async () => {
    while (placed < count) {
      placed++
      await placeOrder(shop, anyBuyer(shop), anySku(shop))
    }
  }
  await Promise.all(Array.from({ length: 128 }, place))
  await Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const overdue = (table: "trade.checkouts" | "payments.intents", status: string) =>
      Effect.map(
        sql<{ n: number }>`
          SELECT count(*)::int AS n FROM ${sql.literal(table)} WHERE status = ${status} AND expires_at < now()`,
        (rows) => rows[0]?.n ?? 0
      )
    const open = overdue("trade.checkouts", "pending_payment")
    const unclosed = overdue("payments.intents", "pending")
    yield* sql`
      UPDATE payments.intents SET expires_at = now() - interval '1 second', next_close_at = now() - interval '1 second'
      WHERE status = 'pending'`
    yield* sql`
      UPDATE trade.checkouts SET expires_at = now() - interval '1 second', due_at = now() - interval '1 second'
      WHERE status = 'pending_payment'`
    const expired = yield* open
    const begin = performance.now()
    let done = false
    const load = Effect.promise(() =>
      steady({ perSecond: 100, seconds: 60, step: async (turn) => done || mixed(turn) })
    )
    const until = Effect.fnUntraced(function* (left: typeof open) {
      while ((yield* left) > 0 && performance.now() - begin < patience) yield* Effect.sleep("500 millis")
      return (performance.now() - begin) / 1000
    })
    const watch = Effect.gen(function* () {
      const [orders, payments] = yield* Effect.all([until(open), until(unclosed)], { concurrency: 2 })
      done = true
      return { orders, payments }
    })
    const [{ orders, payments }, figure] = yield* Effect.all([watch, load], { concurrency: 2 })
    console.log(
      `\nSweep: ${expired} expired orders in ${orders.toFixed(1)} s (target 100,000 in < 60 s), their payments in ` +
        `${payments.toFixed(1)} s, p99 of 100 req/s in the first minute ${figure.p99.toFixed(0)} ms (target < 200 ms)`
    )
    yield* Effect.promise(() => send("GET", `${server.api}/readyz`))
  }).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(server.databaseUrl), maxConnections: 2 })),
    Effect.runPromise
  )
}
