import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Redacted } from "effect"
import { argon2, randomBytes, randomUUID } from "node:crypto"
import { promisify } from "node:util"
import { flow, send } from "./load.ts"
import { startBare } from "./server.ts"
import { paidNotice } from "./wechatNotices.ts"
import type { WechatPayKeys } from "@mall/sandbox/wechatpay/WechatPayKeys"

const hash = promisify(argon2)

/** Argon2id hashes a second with the server's default costs, two at a time as the server does. */
export const measureHashing = async (seconds: number) => {
  const end = performance.now() + seconds * 1000
  let count = 0
  const worker = async () => {
    while (performance.now() < end) {
      await hash("argon2id", {
        message: Buffer.from("correct-horse-battery"),
        nonce: randomBytes(16),
        parallelism: 1,
        tagLength: 32,
        memory: 19456,
        passes: 2
      })
      count++
    }
  }
  await Promise.all([worker(), worker()])
  return count / seconds
}

/** Single-row inserts a second, each committed on its own, through the same driver on the same database. */
export const measureInserts = (databaseUrl: string, workers: number, seconds: number) =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    yield* sql`CREATE TABLE IF NOT EXISTS bench_inserts (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), body text NOT NULL)`
    const end = performance.now() + seconds * 1000
    const body = "x".repeat(1000)
    const counts = yield* Effect.all(
      Array.from({ length: workers }, () =>
        Effect.gen(function* () {
          let count = 0
          while (performance.now() < end) {
            yield* sql`INSERT INTO bench_inserts (body) VALUES (${body})`
            count++
          }
          return count
        })
      ),
      { concurrency: "unbounded" }
    )
    yield* sql`DROP TABLE bench_inserts`
    return counts.reduce((all, count) => all + count, 0) / seconds
  }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(databaseUrl), maxConnections: 16 })), Effect.runPromise)

/** Journeys a second of a server that does nothing: eight requests and a signed notice, each answered at once by a bare `node:http` server. */
export const measureBareJourneys = async (keys: WechatPayKeys, workers: number, seconds: number) => {
  const bare = await startBare(JSON.stringify({ filler: "x".repeat(1000) }))
  const body = { items: [{ skuId: randomUUID(), quantity: 1 }], addressId: randomUUID() }
  const step = async () => {
    for (let read = 0; read < 4; read++) await send("GET", bare.url)
    for (let write = 0; write < 4; write++) await send("POST", bare.url, { body })
    const notice = await paidNotice(keys, randomUUID().replaceAll("-", ""), 100)
    return (await send("POST", bare.url, { headers: notice.headers, raw: notice.body })).status === 200
  }
  const { perSecond } = await flow({ workers, seconds, step })
  bare.stop()
  return perSecond
}
