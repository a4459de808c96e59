import { MinorUnits } from "@mall/domain/kernel/Money"
import { generator } from "@mall/domain/kernel/Id"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { ChannelId } from "@mall/domain/payments/Payment"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { RiskCheck } from "@mall/domain/risk/RiskCheck"
import * as EmbeddedPostgres from "@mall/platform/EmbeddedPostgres"
import { migrate } from "@mall/platform/Migrations"
import { Notifications } from "@mall/platform/Notifications"
import * as Sql from "@mall/platform/Sql"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"
import { migrations } from "../migrations/index.ts"
import * as RiskServices from "../packages/risk/src/RiskServices.ts"

// What a check of risk adds to a confirmation, without HTTP: mean and 99th percentile with the built-in rules and all facts
// known, beside the two round trips that it takes (a read and a row inserted that need not be durable) through the same driver.

const newPaymentId = generator(PaymentId)
const newUserId = generator(UserId)
const any = (count: number) => Math.floor(Math.random() * count)

interface Latency {
  readonly mean: number
  readonly p99: number
  readonly perSecond: number
}

const latencyOf = Effect.fnUntraced(function* <E, R>(
  run: Effect.Effect<unknown, E, R>,
  workers: number,
  seconds: number
) {
  const millis: Array<number> = []
  const begin = performance.now()
  const worker = Effect.gen(function* () {
    while (performance.now() < begin + seconds * 1000) {
      const start = performance.now()
      yield* run
      millis.push(performance.now() - start)
    }
  })
  yield* Effect.all(
    Array.from({ length: workers }, () => worker),
    { concurrency: "unbounded" }
  )
  const sorted = millis.toSorted((a, b) => a - b)
  const latency: Latency = {
    mean: millis.reduce((sum, one) => sum + one, 0) / millis.length,
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    perSecond: (millis.length * 1000) / (performance.now() - begin)
  }
  return latency
})

/** One of many buyers, each with a device, in a hundred thousand networks. */
const checkAnother = Effect.gen(function* () {
  const risk = yield* RiskCheck
  const number = any(100_000)
  const { verdict } = yield* risk.check({
    paymentId: yield* newPaymentId,
    facts: {
      ...{ amount: MinorUnits.make(1999), currency: "CNY", channel: ChannelId.make("wechatpay"), method: "native" },
      ...{ merchant: null, user: yield* newUserId, network: `198.${number % 250}.${Math.floor(number / 250) % 250}.1` },
      ...{
        device: `device-${number}`,
        card: `card-${number}`,
        country: "CN",
        ipCountry: "CN",
        isGuest: false,
        attempts: 0
      }
    },
    endsAt: new Date(Date.now() + 3_600_000)
  })
  if (verdict === "unavailable") return yield* Effect.die(new Error("a check failed"))
})

const roundTrips = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT 1`
  yield* sql`INSERT INTO bench_checks SELECT 1 FROM set_config('synchronous_commit', 'off', true)`
})

const benchmark = Effect.fnUntraced(function* (seconds: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE bench_checks (id int NOT NULL)`
  yield* latencyOf(checkAnother, 4, 2)
  const measured = []
  for (const workers of [1, 8]) {
    const limit = yield* latencyOf(roundTrips, workers, seconds)
    measured.push({ workers, limit, check: yield* latencyOf(checkAnother, workers, seconds) })
  }
  return measured
})

/** Measures on an embedded database of its own, `seconds` for each figure. */
export const measureRisk = (seconds: number) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mall-bench-"))
  fs.chmodSync(folder, 0o755)
  return EmbeddedPostgres.start({ folder: path.join(folder, "postgres") }).pipe(
    Effect.flatMap(({ url }) =>
      Effect.andThen(
        migrate(migrations).pipe(Effect.provide(Layer.fresh(Sql.layerUrl(url)))),
        benchmark(seconds).pipe(
          Effect.provide(
            RiskServices.layer.pipe(Layer.provide(Notifications.layer), Layer.provideMerge(Sql.layerUrl(url)))
          )
        )
      )
    ),
    Effect.scoped,
    Effect.ensuring(Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))),
    Effect.runPromise
  )
}

export const tellRisk = ({ check, limit, workers }: Awaited<ReturnType<typeof measureRisk>>[number]) =>
  `Risk check, ${workers} at a time: ${check.mean.toFixed(2)} ms on average, p99 ${check.p99.toFixed(1)} ms (target < 2 ms), ` +
  `${check.perSecond.toFixed(0)}/s; its two bare round trips take ${limit.mean.toFixed(2)} ms`

if (import.meta.main) {
  for (const row of await measureRisk(Number(process.argv[2] ?? 3))) console.log(tellRisk(row))
}
