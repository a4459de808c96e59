import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Redacted } from "effect"
import { drain, send } from "./load.ts"
import type { Figure } from "./load.ts"
import type { Running } from "./server.ts"
import { anyBuyer, anySku, confirm, placeOrder } from "./shop.ts"
import type { Shop } from "./shop.ts"
import { paidNotice, readNoticeKeys } from "./wechatNotices.ts"
import type { SignedNotice } from "./wechatNotices.ts"

/** Notices a second: `figure` until each was acknowledged, `processed` until each payment had succeeded, `paid` until each order was paid. */
export interface Callbacks {
  readonly figure: Figure
  readonly processed: number
  readonly paid: number
  /** Notices whose payment did not succeed. */
  readonly lost: number
}

/** The longest that what was acknowledged may take. */
const patience = 60_000

interface Prepared {
  readonly notices: ReadonlyArray<SignedNotice>
  readonly paymentIds: ReadonlyArray<string>
}

/** Each notice is of a payment of its own, which is placed and confirmed before. */
const prepareCallbacks = async (server: Running, shop: Shop, count: number): Promise<Prepared> => {
  const keys = readNoticeKeys(server.dataFolder)
  const notices: Array<SignedNotice> = []
  const paymentIds: Array<string> = []
  const one = async () => {
    for (let index = 0; index < count / 16; index++) {
      const buyer = anyBuyer(shop)
      const { payment } = await placeOrder(shop, buyer, anySku(shop))
      notices.push(await paidNotice(keys, await confirm(shop, buyer, payment.id), payment.amount.amount))
      paymentIds.push(payment.id)
    }
  }
  await Promise.all(Array.from({ length: 16 }, one))
  return { notices, paymentIds }
}

/** Sends the notices from `workers` connections, and watches what becomes of them. */
const measurePrepared = (
  server: Running,
  shop: Shop,
  { notices, paymentIds }: Prepared,
  workers: number
): Promise<Callbacks> =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const numberOf = (rows: ReadonlyArray<{ readonly n: number }>) => rows[0]?.n ?? 0
    const succeeded = Effect.map(
      sql<{ n: number }>`
        SELECT count(*)::int AS n FROM payments.intents WHERE id = ANY(${paymentIds}::uuid[]) AND status = 'succeeded'`,
      numberOf
    )
    const paid = Effect.map(
      sql<{ n: number }>`
        SELECT count(*)::int AS n FROM trade.checkouts
        WHERE payment_id = ANY(${paymentIds}::uuid[]) AND status <> 'pending_payment'`,
      numberOf
    )
    const begin = performance.now()
    const rateOnce = Effect.fnUntraced(function* (done: typeof paid) {
      while ((yield* done) < paymentIds.length && performance.now() - begin < patience)
        yield* Effect.sleep("100 millis")
      return (paymentIds.length / (performance.now() - begin)) * 1000
    })
    const figure = yield* Effect.promise(() =>
      drain(workers, notices, async ({ body, headers }) => {
        const { status } = await send("POST", `${shop.api}/callbacks/wechatpay`, { headers, raw: body })
        return status < 300
      })
    )
    const processed = yield* rateOnce(succeeded)
    const whole = yield* rateOnce(paid)
    return { figure, processed, paid: whole, lost: paymentIds.length - (yield* succeeded) }
  }).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(server.databaseUrl), maxConnections: 1 })),
    Effect.runPromise
  )

/**
 * The rounds by their rates, the slowest first. Each sends so few notices that all come within the 15 seconds after which their
 * channel is asked about a payment: else what is measured is the asking as well, which costs more than a notice.
 */
export const measureCallbacks = async (server: Running, shop: Shop, rounds: number, count: number, workers: number) => {
  const told: Array<Callbacks> = []
  for (let round = 0; round < rounds; round++) {
    told.push(await measurePrepared(server, shop, await prepareCallbacks(server, shop, count), workers))
  }
  return told.toSorted((one, other) => one.processed - other.processed)
}
