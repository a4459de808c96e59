import * as LedgerServices from "@mall/ledger/LedgerServices"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { AccountCode } from "@mall/domain/ledger/Account"
import { Journal } from "@mall/domain/ledger/Journal"
import { capture, refund } from "@mall/domain/ledger/postings"
import { TransferId } from "@mall/domain/ledger/Transfer"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { SettlementId } from "@mall/domain/treasury/Settlement"
import type { SettlementAttempt } from "@mall/domain/treasury/Settlement"
import type { NewSettlementTerms } from "@mall/domain/treasury/SettlementTerms"
import { Outbox } from "@mall/platform/Outbox"
import { Settlements } from "@mall/treasury/settlement/Settlements"
import * as SettlementServices from "@mall/treasury/settlement/SettlementServices"
import { SettlementSteps } from "@mall/treasury/settlement/SettlementSteps"
import { withoutPayouts } from "./withoutPayouts.ts"
import { Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** Settlement with the books, over a database. */
export const SettlementLayer = SettlementServices.layer.pipe(
  Layer.provide(withoutPayouts),
  Layer.provideMerge(Layer.mergeAll(LedgerServices.layer, Outbox.layer))
)

export const newMerchant = generator(MerchantId)
const newSettlementId = generator(SettlementId)
const newTransferId = generator(TransferId)
const newSubject = generator(Uuid7.pipe(Schema.brand("Subject")))

/** A buyer's payment, or what went back of one where it is below zero. */
export const book = Effect.fnUntraced(function* (merchantId: MerchantId, amount: number) {
  const journal = yield* Journal
  const sql = yield* SqlClient.SqlClient
  const way = { merchantId, channel: "wechatpay", isDirect: false }
  const money = Money.of(Math.abs(amount), "CNY")
  const id = yield* newTransferId
  yield* sql.withTransaction(
    journal.record([
      {
        ...{ id, purpose: amount > 0 ? "capture" : "refund", subject: yield* newSubject, actor: "test" },
        ...{ legs: amount > 0 ? capture(way, money) : refund(way, money), reason: "test", traceId: null }
      }
    ])
  )
})

export const bookAll = (merchantId: MerchantId, amounts: ReadonlyArray<number>) =>
  Effect.forEach(amounts, (amount) => book(merchantId, amount), { discard: true })

export const termsOf = (
  merchantId: MerchantId | null,
  changes: Partial<NewSettlementTerms> = {}
): NewSettlementTerms => ({
  ...{ merchantId, currency: "CNY", cycle: { type: "daily", businessDays: 1 }, timeZone: "UTC", calendar: "default" },
  ...{ minimum: MinorUnits.make(0), isPaidOut: false, reserveBasisPoints: 0, reserveDays: 0, reason: "agreed" },
  ...changes
})

/** Begins a settlement by hand, up to now unless told. */
export const begin = Effect.fnUntraced(function* (merchantId: MerchantId, cutOff?: Date) {
  const settlements = yield* Settlements
  const asked = { merchantId, currency: "CNY", reason: "test", ...(cutOff === undefined ? {} : { cutOff }) } as const
  return yield* settlements.run(asked, "test", yield* newSettlementId)
})

/** All steps in their order, as the workflow takes them. */
export const carryOut = Effect.fnUntraced(function* (attempt: SettlementAttempt) {
  const steps = yield* SettlementSteps
  yield* steps.gather(attempt)
  yield* steps.state(attempt)
  yield* steps.post(attempt)
  yield* steps.payOut(attempt)
  yield* steps.notify(attempt)
})

/** Begins one, and carries it out in this process. */
export const settle = Effect.fnUntraced(function* (merchantId: MerchantId, cutOff?: Date) {
  const { attempt, id } = yield* begin(merchantId, cutOff)
  yield* carryOut({ id, attempt })
  return id
})

const Sum = Schema.Struct({ sum: Schema.Int })
const numberOf = (execute: (sql: SqlClient.SqlClient) => Effect.Effect<ReadonlyArray<unknown>, unknown>) =>
  SqlClient.SqlClient.use((sql) =>
    Effect.orDie(SqlSchema.findOne({ Request: Schema.Void, Result: Sum, execute: () => execute(sql) })(undefined))
  ).pipe(Effect.map(({ sum }) => sum))

/** What stands on an account of the merchant, on its credit side. */
export const balanceOf = (merchantId: MerchantId, kind: "payable" | "reserves" | "settlement") =>
  numberOf(
    (sql) => sql`
      SELECT coalesce(sum(b.credits_posted - b.debits_posted), 0)::bigint AS sum
      FROM ledger.balances AS b JOIN ledger.accounts AS a ON a.id = b.account_id
      WHERE a.code = ${AccountCode.make(`${merchantId}:${kind}:CNY`)}`
  )

/** How many movements the books have of a settlement. */
export const movementsOf = (id: SettlementId) =>
  numberOf((sql) => sql`SELECT count(*) AS sum FROM ledger.transfers WHERE subject = ${id}`)

/** What all items of all settlements of the merchant come to. */
export const itemsOf = (merchantId: MerchantId) =>
  numberOf(
    (sql) => sql`
      SELECT coalesce(sum(i.amount), 0)::bigint AS sum FROM treasury.settlement_items AS i
      JOIN treasury.settlements AS s ON s.id = i.settlement_id WHERE s.merchant_id = ${merchantId}`
  )

/** Every currency's debits less its credits, over all accounts. */
export const imbalance = numberOf(
  (sql) => sql`SELECT coalesce(sum(debits_posted - credits_posted), 0)::bigint AS sum FROM ledger.balances`
)

/** The books take nothing more on what is owed to the merchant; or they do again. */
export const setClosed = Effect.fnUntraced(function* (merchantId: MerchantId, isClosed: boolean) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    UPDATE ledger.balances AS b SET is_closed = ${isClosed} FROM ledger.accounts AS a
    WHERE a.id = b.account_id AND a.code = ${`${merchantId}:payable:CNY`}`
})
