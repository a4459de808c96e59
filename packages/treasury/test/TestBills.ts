import { Journal } from "@mall/domain/ledger/Journal"
import type { Posting } from "@mall/domain/ledger/Journal"
import { ChannelId } from "@mall/domain/payments/Payment"
import { BillDay } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import type { BillMalformed } from "@mall/domain/treasury/ReconciliationError"
import { BillUnavailable } from "@mall/domain/treasury/ReconciliationError"
import { SettledPayments } from "@mall/domain/treasury/SettledPayments"
import type { SettledRecord } from "@mall/domain/treasury/SettledPayments"
import { Outbox } from "@mall/platform/Outbox"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Context, Effect, Layer, Stream } from "effect"
import * as ReconciliationServices from "../src/reconciliation/ReconciliationServices.ts"
import { UnaskedDays } from "../src/reconciliation/UnaskedDays.ts"
import { heading, sumsHeading } from "../src/reconciliation/bill/wechatPayBill.ts"

export const wechat = ChannelId.make("wechatpay")
export const monday = BillDay.make("2026-11-16")
export const tuesday = BillDay.make("2026-11-17")

/** A line of the bill before it is written. Amounts in fen, the time in Beijing. */
export interface Trade {
  readonly kind: "payment" | "refund"
  readonly reference: string
  readonly amount: number
  readonly time: string
  readonly state?: string
  /** Below zero where it is given back. */
  readonly fee?: number
}

const yuan = (fen: number) => (fen / 100).toFixed(2)
const line = (values: ReadonlyArray<string>) => values.map((value) => `\`${value}`).join(",")

export const tradeLine = ({ amount, fee = 0, kind, reference, state, time }: Trade) => {
  const isRefund = kind === "refund"
  return line([
    ...[time, "wx1", "1900000001", "0", "", `42${reference}`, isRefund ? "order" : reference, "o1", "NATIVE"],
    ...[isRefund ? "REFUND" : "SUCCESS", "OTHERS", "CNY", isRefund ? "0.00" : yuan(amount), "0.00"],
    ...[isRefund ? `50${reference}` : "0", isRefund ? reference : "0", isRefund ? yuan(amount) : "0.00", "0.00"],
    ...[isRefund ? "ORIGINAL" : "", isRefund ? (state ?? "SUCCESS") : "", "tea, green", "", `${yuan(fee)}000`, "0.60%"],
    ...[isRefund ? "0.00" : yuan(amount), isRefund ? yuan(amount) : "0.00", ""]
  ])
}

export const billOf = (trades: ReadonlyArray<Trade>) => {
  const sum = (kind: Trade["kind"]) =>
    yuan(trades.filter((trade) => trade.kind === kind).reduce((total, { amount }) => total + amount, 0))
  const fees = `${yuan(trades.reduce((total, { fee = 0 }) => total + fee, 0))}000`
  const sums = [String(trades.length), sum("payment"), sum("refund"), "0.00", fees, sum("payment"), sum("refund")]
  return `\uFEFF${[heading, ...trades.map(tradeLine), sumsHeading, line(sums)].join("\r\n")}\r\n`
}

/** What the channel and our records say, as a test lays it down. */
export class World extends Context.Service<
  World,
  {
    readonly bills: Map<string, string | Stream.Stream<Uint8Array, BillUnavailable | BillMalformed>>
    readonly records: Array<SettledRecord>
    readonly postings: Array<Posting>
  }
>()("@mall/treasury/test/World") {
  static readonly layer = Layer.sync(World, () => World.of({ bills: new Map(), records: [], postings: [] }))
}

const Ports = Layer.effectContext(
  Effect.map(World, ({ bills, postings, records }) =>
    Context.make(
      ChannelBills,
      ChannelBills.of({
        sources: [
          {
            channel: wechat,
            account: "1900000001",
            merchantId: null,
            format: "wechatpay_trade",
            reason: null,
            offsetMinutes: 480
          },
          {
            ...{
              channel: ChannelId.make("alipay"),
              account: "2088",
              merchantId: null,
              format: null,
              offsetMinutes: 480
            },
            reason: "The bill of alipay is not read here yet: compare it by hand"
          }
        ],
        own: () => Effect.succeed([]),
        ownOf: () => Effect.succeed([]),
        download: ({ channel }, day) => {
          const bill = bills.get(day)
          if (bill === undefined) return Effect.fail(new BillUnavailable({ channel, day, reason: "not made yet" }))
          if (bill === "") return Effect.succeedNone
          return Effect.succeedSome(
            typeof bill === "string" ? Stream.make(...chunks(new TextEncoder().encode(bill))) : bill
          )
        }
      })
    ).pipe(
      Context.add(
        SettledPayments,
        SettledPayments.of({
          stream: (_channel, from, to) =>
            Stream.fromIterable(records.filter(({ at, state }) => state === "succeeded" && at >= from && at < to)),
          find: (_channel, references) =>
            Effect.sync(() => records.filter(({ reference }) => references.includes(reference)))
        })
      ),
      Context.add(
        Journal,
        Journal.of({
          record: (all) => Effect.sync(() => postings.push(...all)),
          held: () => Effect.succeed(new Map())
        })
      )
    )
  )
)

/** Pieces of a length that cuts characters in two. */
const chunks = (bytes: Uint8Array) =>
  Array.from({ length: Math.ceil(bytes.length / 1001) }, (_, index) => bytes.slice(index * 1001, (index + 1) * 1001))

/** Reconciliation on a database of its own, between a channel and records that the test lays down. */
export const TestReconciliation = Layer.mergeAll(ReconciliationServices.layer, UnaskedDays.layer).pipe(
  Layer.provide(Ports),
  Layer.provide(Outbox.layer),
  Layer.provideMerge(Layer.mergeAll(TestDatabase, World.layer)),
  Layer.orDie
)
