import { AccountCode } from "@mall/domain/ledger/Account"
import { Journal } from "@mall/domain/ledger/Journal"
import { PositiveAmount, TransferId } from "@mall/domain/ledger/Transfer"
import { generator } from "@mall/domain/kernel/Id"
import { Ledger } from "../packages/ledger/src/Ledger.ts"
import * as LedgerServices from "../packages/ledger/src/LedgerServices.ts"
import * as EmbeddedPostgres from "@mall/platform/EmbeddedPostgres"
import { migrate } from "@mall/platform/Migrations"
import * as Sql from "@mall/platform/Sql"
import { Clock, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { migrations } from "../migrations/index.ts"

// Transfers on the embedded database, without HTTP: through the ledger's group commit and through `Journal` in transactions of
// their own, beside the naive transfer (two updates and a row in one transaction, no rule checked) through the same driver.

const accountCount = 1000
const newTransferId = generator(TransferId)
const codes = Array.from({ length: accountCount }, (_, index) => AccountCode.make(`platform:payable:a${index}:CNY`))
const any = () => Math.floor(Math.random() * accountCount)

/** Two different accounts; `isHot`: the first is always the same. */
const pairOf = (isHot: boolean): readonly [number, number] => {
  const from = isHot ? 0 : any()
  const to = any()
  return from === to ? pairOf(isHot) : [from, to]
}

const rateOf = Effect.fnUntraced(function* <E>(
  transfer: (pair: readonly [number, number]) => Effect.Effect<unknown, E>,
  isHot: boolean,
  workers: number,
  seconds: number
) {
  const begin = yield* Clock.currentTimeMillis
  const end = begin + seconds * 1000
  const worker = Effect.gen(function* () {
    let count = 0
    while ((yield* Clock.currentTimeMillis) < end) {
      yield* transfer(pairOf(isHot))
      count += 1
    }
    return count
  })
  const counts = yield* Effect.all(
    Array.from({ length: workers }, () => worker),
    { concurrency: "unbounded" }
  )
  return (counts.reduce((a, b) => a + b) * 1000) / ((yield* Clock.currentTimeMillis) - begin)
})

/** Transfers a second. */
export interface LedgerRates {
  readonly naive: number
  readonly ledger: number
  readonly journal: number
}

const naiveTransfer = Effect.map(
  SqlClient.SqlClient,
  (sql) =>
    ([from, to]: readonly [number, number]) =>
      Effect.gen(function* () {
        const id = yield* newTransferId
        // in one order, else they deadlock
        const [first, second] = from < to ? [from, to] : [to, from]
        yield* sql`UPDATE bench_balances SET amount = amount - ${first === from ? 1 : -1} WHERE id = ${first}`
        yield* sql`UPDATE bench_balances SET amount = amount - ${second === from ? 1 : -1} WHERE id = ${second}`
        yield* sql`INSERT INTO bench_history (id, debit, credit, amount) VALUES (${id}, ${from}, ${to}, 1)`
      }).pipe(sql.withTransaction)
)

const legsOf = ([from, to]: readonly [number, number]) => [
  { account: codes[from]!, side: "debit" as const, amount: PositiveAmount.make(1) },
  { account: codes[to]!, side: "credit" as const, amount: PositiveAmount.make(1) }
]

const said = { purpose: "adjustment", actor: "bench", reason: "measured", traceId: null } as const

const compare = Effect.fnUntraced(function* (isHot: boolean, seconds: number) {
  const sql = yield* SqlClient.SqlClient
  const ledger = yield* Ledger
  const journal = yield* Journal
  const post = (pair: readonly [number, number]) =>
    Effect.flatMap(newTransferId, (id) =>
      ledger.post([{ ...said, type: "single", subject: null, id, legs: legsOf(pair) }])
    )
  const record = (pair: readonly [number, number]) =>
    Effect.flatMap(newTransferId, (id) => journal.record([{ ...said, subject: "bench", id, legs: legsOf(pair) }])).pipe(
      sql.withTransaction
    )
  yield* rateOf(post, isHot, 256, 2)
  const rates: LedgerRates = {
    naive: yield* rateOf(yield* naiveTransfer, isHot, 64, seconds),
    ledger: yield* rateOf(post, isHot, 256, seconds),
    journal: yield* rateOf(record, isHot, 64, seconds)
  }
  return rates
})

const benchmark = Effect.fnUntraced(function* (seconds: number) {
  const sql = yield* SqlClient.SqlClient
  yield* migrate(migrations)
  yield* sql`CREATE TABLE bench_balances (id int PRIMARY KEY, amount bigint NOT NULL)`
  yield* sql`CREATE TABLE bench_history (id uuid PRIMARY KEY, debit int NOT NULL, credit int NOT NULL, amount bigint NOT NULL)`
  yield* sql`INSERT INTO bench_balances SELECT i, 0 FROM generate_series(0, ${accountCount - 1}::int) AS i`
  const mixed = yield* compare(false, seconds)
  const hot = yield* compare(true, seconds)
  return { mixed, hot }
})

/** Measures on an embedded database of its own, `seconds` for each rate. */
export const measureLedger = (seconds: number) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mall-bench-"))
  fs.chmodSync(folder, 0o755)
  return EmbeddedPostgres.start({ folder: path.join(folder, "postgres") }).pipe(
    Effect.flatMap(({ url }) =>
      benchmark(seconds).pipe(Effect.provide(LedgerServices.layer.pipe(Layer.provideMerge(Sql.layerUrl(url)))))
    ),
    Effect.scoped,
    Effect.ensuring(Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))),
    Effect.runPromise
  )
}

const tell = (name: string, { journal, ledger, naive }: LedgerRates) =>
  console.log(
    `${name}: naive two updates ${naive.toFixed(0)}/s, ledger ${ledger.toFixed(0)}/s (${(ledger / naive).toFixed(2)} ×), ` +
      `one transaction per transfer through the journal ${journal.toFixed(0)}/s`
  )

if (import.meta.main) {
  const rates = await measureLedger(Number(process.argv[2] ?? 5))
  tell("1,000 accounts", rates.mixed)
  tell("one hot account", rates.hot)
}
