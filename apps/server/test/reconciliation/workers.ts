import { Journal } from "@mall/domain/ledger/Journal"
import { ChannelId } from "@mall/domain/payments/Payment"
import { BillDay } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import { SettledPayments } from "@mall/domain/treasury/SettledPayments"
import { Outbox } from "@mall/platform/Outbox"
import * as ReconciliationServices from "@mall/treasury/reconciliation/ReconciliationServices"
import { Context, Effect, Layer, Stream } from "effect"
import { createHash } from "node:crypto"
import { billOf } from "../../../../packages/treasury/test/TestBills.ts"

export const wechat = ChannelId.make("wechatpay")

/** Lines of a day's bill, and every how manieth differs. */
export const lines = 6_000
const everyNth = 100
export const differing = lines / everyNth

const offset = 480
const referenceOf = (day: string, index: number) => createHash("md5").update(`${day} ${index}`).digest("hex")
const indexes = Array.from({ length: lines }, (_, index) => index)

const billOfDay = (day: string) =>
  new TextEncoder().encode(
    billOf(
      indexes.map((index) => ({
        kind: "payment",
        reference: referenceOf(day, index),
        amount: 1_000 + index + (index % everyNth === 0 ? 1 : 0),
        time: `${day} 12:00:00`
      }))
    )
  )

const recordsOf = (from: Date) => {
  const day = BillDay.make(new Date(from.getTime() + offset * 60_000).toISOString().slice(0, 10))
  return indexes.map((index) => ({
    ...{ kind: "payment" as const, reference: referenceOf(day, index), paymentId: `${day} ${index}` },
    ...{ amount: 1_000 + index, currency: "CNY" as const, state: "succeeded" as const },
    at: new Date(from.getTime() + 43_200_000)
  }))
}

/** In the middle of what the channel, or our own records, never go on telling. */
export type StuckAt = "bill" | "records" | "nothing"

/** Reconciliation over a database, between a channel and records that are the same in every process. */
export const reconciliation = (stuckAt: StuckAt) => {
  const halfOf = <A>(all: ReadonlyArray<A>, isStuck: boolean) =>
    isStuck ? Stream.concat(Stream.fromIterable(all.slice(0, all.length / 2)), Stream.never) : Stream.fromIterable(all)
  const pieces = (bytes: Uint8Array) =>
    Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, index) =>
      bytes.slice(index * 65_536, (index + 1) * 65_536)
    )
  return ReconciliationServices.layer.pipe(
    Layer.provide(
      Layer.succeedContext(
        Context.make(
          ChannelBills,
          ChannelBills.of({
            sources: [
              {
                ...{
                  channel: wechat,
                  account: "1900000001",
                  merchantId: null,
                  format: "wechatpay_trade",
                  reason: null
                },
                offsetMinutes: offset
              }
            ],
            own: () => Effect.succeed([]),
            ownOf: () => Effect.succeed([]),
            download: (_, day) =>
              Effect.succeedSome(Stream.rechunk(halfOf(pieces(billOfDay(day)), stuckAt === "bill"), 1))
          })
        ).pipe(
          Context.add(
            SettledPayments,
            SettledPayments.of({
              stream: (_, from) => halfOf(recordsOf(from), stuckAt === "records"),
              find: () => Effect.succeed([])
            })
          ),
          Context.add(Journal, Journal.of({ record: () => Effect.void, held: () => Effect.succeed(new Map()) }))
        )
      )
    ),
    Layer.provideMerge(Outbox.layer)
  )
}
