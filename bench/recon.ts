import { Journal } from "@mall/domain/ledger/Journal"
import { ChannelId } from "@mall/domain/payments/Payment"
import { BillDay } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import { SettledPayments } from "@mall/domain/treasury/SettledPayments"
import { RunId } from "@mall/domain/treasury/Run"
import { generator } from "@mall/domain/kernel/Id"
import * as EmbeddedPostgres from "@mall/platform/EmbeddedPostgres"
import { migrate } from "@mall/platform/Migrations"
import * as Sql from "@mall/platform/Sql"
import { Clock, Context, Effect, Layer, Option, Stream } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"
import { heading, sumsHeading } from "../packages/treasury/src/reconciliation/bill/wechatPayBill.ts"
import { Outbox } from "@mall/platform/Outbox"
import { Reconciler } from "../packages/treasury/src/reconciliation/Reconciler.ts"
import { Runs } from "../packages/treasury/src/reconciliation/Runs.ts"
import * as ReconciliationServices from "../packages/treasury/src/reconciliation/ReconciliationServices.ts"
import { migrations } from "../migrations/index.ts"

// A day of so many payments at one channel, read from a file in the form of its bill and compared with as many records of ours, on
// the embedded database. Every thousandth payment differs.

const wechat = ChannelId.make("wechatpay")
const day = BillDay.make("2026-11-16")
const at = new Date("2026-11-16T04:00:00Z")
const newRunId = generator(RunId)

const referenceOf = (index: number) => index.toString(16).padStart(32, "0")
const amountOf = (index: number) => 100 + (index % 9_000)
const differs = (index: number) => index % 1_000 === 0
const yuan = (fen: number) => (fen / 100).toFixed(2)
const line = (values: ReadonlyArray<string>) => `${values.map((value) => `\`${value}`).join(",")}\r\n`

const writeBill = (file: string, count: number) => {
  const out = fs.openSync(file, "w")
  fs.writeSync(out, `${heading}\r\n`)
  let total = 0
  let text = ""
  for (let index = 0; index < count; index++) {
    const amount = amountOf(index) + (differs(index) ? 1 : 0)
    total += amount
    text += line([
      ...["2026-11-16 12:00:00", "wx0000000000000001", "1900000001", "0", "", `4200${referenceOf(index)}`],
      ...[
        referenceOf(index),
        "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        "NATIVE",
        "SUCCESS",
        "OTHERS",
        "CNY",
        yuan(amount),
        "0.00"
      ],
      ...["0", "0", "0.00", "0.00", "", "", "two shirts 两件衬衫", "", "0.00000", "0.60%", yuan(amount), "0.00", ""]
    ])
    if (text.length > 1_000_000 || index === count - 1) {
      fs.writeSync(out, text)
      text = ""
    }
  }
  fs.writeSync(out, `${sumsHeading}\r\n`)
  fs.writeSync(out, line([String(count), yuan(total), "0.00", "0.00", "0.00000", yuan(total), "0.00"]))
  fs.closeSync(out)
}

// a piece at a time, as they come from a channel: in chunks of the usual size nearly the whole bill would be held at once
const bytesOf = (file: string) => Stream.suspend(() => Stream.fromIterable(piecesOf(file), { chunkSize: 1 }))

function* piecesOf(file: string) {
  const input = fs.openSync(file, "r")
  const piece = Buffer.alloc(65_536)
  for (let length = fs.readSync(input, piece); length > 0; length = fs.readSync(input, piece)) {
    yield new Uint8Array(piece.subarray(0, length))
  }
  fs.closeSync(input)
}

function* recordsOf(count: number) {
  for (let index = 0; index < count; index++) {
    yield {
      ...{ kind: "payment" as const, reference: referenceOf(index), paymentId: referenceOf(index), at },
      ...{ amount: amountOf(index), currency: "CNY" as const, state: "succeeded" as const }
    }
  }
}

const Ports = (file: string, count: number) =>
  Layer.succeedContext(
    Context.make(
      ChannelBills,
      ChannelBills.of({
        sources: [
          {
            channel: wechat,
            account: "1",
            merchantId: null,
            format: "wechatpay_trade",
            reason: null,
            offsetMinutes: 480
          }
        ],
        own: () => Effect.succeed([]),
        ownOf: () => Effect.succeed([]),
        download: () => Effect.succeedSome(bytesOf(file))
      })
    ).pipe(
      Context.add(
        SettledPayments,
        SettledPayments.of({ stream: () => Stream.fromIterable(recordsOf(count)), find: () => Effect.succeed([]) })
      ),
      Context.add(Journal, Journal.of({ record: () => Effect.void, held: () => Effect.succeed(new Map()) }))
    )
  )

/** How long a day takes, and how much memory the process then had held at most. */
export interface ReconFigures {
  readonly seconds: number
  readonly peakMb: number
  readonly found: number
}

export const measureRecon = (count: number): Promise<ReconFigures> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mall-recon-bench-"))
  fs.chmodSync(folder, 0o755)
  const file = path.join(folder, "bill.csv")
  writeBill(file, count)
  const measure = Effect.gen(function* () {
    const reconciler = yield* Reconciler
    const runs = yield* Runs
    const begin = yield* Clock.currentTimeMillis
    const asked = yield* runs.ask({ channel: wechat, day }, "bench", yield* newRunId)
    const done = yield* reconciler.work(asked.id, "bench")
    const seconds = ((yield* Clock.currentTimeMillis) - begin) / 1000
    const found = Option.getOrUndefined(done)?.counts?.amountDiffers ?? 0
    return { seconds, peakMb: process.resourceUsage().maxRSS / 1024, found }
  })
  return EmbeddedPostgres.start({ folder: path.join(folder, "postgres") }).pipe(
    Effect.flatMap(({ url }) =>
      Effect.andThen(migrate(migrations), measure).pipe(
        Effect.provide(
          ReconciliationServices.layer.pipe(
            Layer.provide(Ports(file, count)),
            Layer.provide(Outbox.layer),
            Layer.provideMerge(Sql.layerUrl(url))
          )
        )
      )
    ),
    Effect.scoped,
    Effect.ensuring(Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))),
    Effect.runPromise
  )
}

export const tellRecon = (count: number, { found, peakMb, seconds }: ReconFigures) =>
  console.log(
    `Reconciliation of ${count} lines: ${seconds.toFixed(1)} s (target 60 s for 1,000,000), peak memory of the process ` +
      `${peakMb.toFixed(0)} MB (target 500 MB), ${found} of ${Math.ceil(count / 1_000)} differences found`
  )

if (import.meta.main) {
  const count = Number(process.argv[2] ?? 1_000_000)
  tellRecon(count, await measureRecon(count))
}
