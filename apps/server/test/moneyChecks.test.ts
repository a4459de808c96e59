import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { FxQuoteId } from "@mall/domain/treasury/FxQuote"
import { FxRateId } from "@mall/domain/treasury/FxRate"
import { Doctor } from "@mall/platform/doctor/Doctor"
import { Liquidity } from "@mall/treasury/exchange/Liquidity"
import { Quotes } from "@mall/treasury/exchange/Quotes"
import { Rates } from "@mall/treasury/exchange/Rates"
import { Terms } from "@mall/treasury/settlement/Terms"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { admitted, reason } from "./applicants.ts"
import { settle, termsOf } from "./settlement/SettlementTest.ts"
import { aShop, ask, dispute, giveBack, Pay, pay } from "./shop.ts"
import { pastTheTriggers } from "./tampering.ts"
import type { Tampering } from "./tampering.ts"

const newQuoteId = generator(FxQuoteId)
const newRateId = generator(FxRateId)

/** Sells 1000 yuan for dollars. */
const exchange = Effect.fnUntraced(function* (merchantId: MerchantId) {
  const rates = yield* Rates
  const { id: rateId } = yield* rates.propose(
    yield* newRateId,
    { base: "USD", quote: "CNY", rate: "7.2", reason },
    "operator:olga"
  )
  yield* rates.approve(rateId, { reason }, "operator:bob")
  const maxShort = MinorUnits.make(1_000_000)
  yield* Liquidity.use((liquidity) => liquidity.put({ currency: "USD", maxShort, reason }, "operator:olga"))
  const quotes = yield* Quotes
  const id = yield* newQuoteId
  yield* quotes.create(id, { side: "sell", amount: Money.of(1000, "CNY"), other: "USD" }, merchantId, "user:ann")
  yield* quotes.accept(id, merchantId, "user:ann")
  // one that nobody accepts
  const left = yield* newQuoteId
  yield* quotes.create(left, { side: "sell", amount: Money.of(500, "CNY"), other: "USD" }, merchantId, "user:ann")
  return id
})

const look = Effect.fnUntraced(function* (check: string) {
  const doctor = yield* Doctor
  const { isSound, results } = yield* doctor.run({ check, isFull: true })
  assert.isNull(results[0]?.failure)
  return { isSound, looked: results[0]?.looked ?? 0 }
})

layer(Pay, { excludeTestServices: true, timeout: "2 minutes" })("the doctor", (it) => {
  it.effect("compares merchants' fees, quotas, settlements, exchanges and applications with the books", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const doctor = yield* Doctor
      const { merchantId, staff } = yield* aShop({ daily: 100_000 })
      const terms = yield* Terms
      yield* terms.set(termsOf(merchantId, { reserveBasisPoints: 500, reserveDays: 30 }), "test")
      const { id: payment } = yield* ask(staff, 10_000)
      yield* pay(payment)
      yield* giveBack(payment, 3000)
      const settlement = yield* settle(merchantId)
      const { id: later } = yield* ask(staff, 700)
      yield* pay(later)
      const { news: lost } = yield* Effect.flatMap(dispute(later), (told) => told("lost"))
      const quote = yield* exchange(merchantId)
      const application = yield* admitted("Vera")
      // what was posted within an hour before the cut-off is the next settlement's to find: here the hour is over
      const schedule = `${merchantId}/CNY`

      const throughCutOff = sql`
        UPDATE treasury.settlement_schedules AS s SET settled_through = t.cut_off + interval '1 hour'
        FROM treasury.settlements AS t WHERE t.id = ${settlement} AND s.merchant_id = t.merchant_id AND s.currency = t.currency`
      yield* throughCutOff

      const account = (kind: string, currency = "CNY") => `${merchantId}:${kind}:${currency}`
      const anItem = sql`(SELECT min(entry_id) FROM treasury.settlement_items WHERE settlement_id = ${settlement})`
      const counter = `${merchantId}:CNY:month:${new Date().toISOString().slice(0, 7)}`
      const cases: ReadonlyArray<Tampering> = [
        {
          check: "quota_holds",
          subject: `quota ${counter}`,
          tamper: sql`UPDATE merchant_terms.quota_counters SET used = used + 1 WHERE key = ${counter}`,
          restore: sql`UPDATE merchant_terms.quota_counters SET used = used - 1 WHERE key = ${counter}`
        },
        {
          check: "fees_posted",
          subject: `payment ${payment}`,
          frozen: [account("payable")],
          tamper: sql`UPDATE merchant_terms.fees SET fee = fee + 1 WHERE payment_id = ${payment}`,
          restore: sql`UPDATE merchant_terms.fees SET fee = fee - 1 WHERE payment_id = ${payment}`
        },
        {
          check: "fees_posted",
          subject: `payment ${payment}`,
          frozen: [account("payable")],
          tamper: sql`UPDATE merchant_terms.fees SET attempt_id = ${settlement} WHERE payment_id = ${payment}`,
          restore: sql`
            UPDATE merchant_terms.fees SET attempt_id = (SELECT id FROM payments.attempts WHERE payment_id = ${payment})
            WHERE payment_id = ${payment}`
        },
        {
          check: "dispute_fees_posted",
          subject: `dispute ${lost?.to.id}`,
          frozen: [account("payable")],
          tamper: sql`DELETE FROM merchant_terms.dispute_fees WHERE merchant_id = ${merchantId}`,
          restore: sql`
            INSERT INTO merchant_terms.dispute_fees (dispute_id, merchant_id, currency, plan_version, kept, at)
            VALUES (${lost?.to.id ?? ""}, ${merchantId}, 'CNY', 1, 1500, now())`
        },
        {
          check: "settlement_items",
          subject: `settlement ${settlement}`,
          frozen: [account("payable"), account("settlement")],
          tamper: sql`UPDATE treasury.settlement_items SET amount = amount + 1 WHERE entry_id = ${anItem}`,
          restore: sql`UPDATE treasury.settlement_items SET amount = amount - 1 WHERE entry_id = ${anItem}`
        },
        {
          check: "settlement_items",
          subject: `settlement ${settlement}`,
          frozen: [account("payable"), account("settlement")],
          tamper: sql`
            UPDATE treasury.settlements SET settled = settled + 1, reserve = reserve - 1 WHERE id = ${settlement}`,
          restore: sql`
            UPDATE treasury.settlements SET settled = settled - 1, reserve = reserve + 1 WHERE id = ${settlement}`
        },
        {
          check: "settlement_gaps",
          subject: `schedule ${schedule}`,
          frozen: [account("payable")],
          // the second payment counts as settled, and no settlement has it
          tamper: sql`
            UPDATE treasury.settlement_schedules SET settled_through = now() + interval '2 hours'
            WHERE merchant_id = ${merchantId}`,
          restore: throughCutOff
        },
        {
          check: "reserves_held",
          subject: `schedule ${schedule}`,
          frozen: [account("reserves")],
          tamper: sql`UPDATE treasury.settlements SET reserve_released_at = now() WHERE id = ${settlement}`,
          restore: sql`UPDATE treasury.settlements SET reserve_released_at = NULL WHERE id = ${settlement}`
        },
        {
          check: "fx_conversions",
          subject: `fx_quote ${quote}`,
          frozen: [account("settlement"), account("settlement", "USD")],
          tamper: sql`UPDATE treasury.fx_quotes SET buy_amount = buy_amount + 1 WHERE id = ${quote}`,
          restore: sql`UPDATE treasury.fx_quotes SET buy_amount = buy_amount - 1 WHERE id = ${quote}`
        },
        {
          check: "fx_conversions",
          subject: `fx_quote ${quote}`,
          frozen: [account("settlement"), account("settlement", "USD")],
          tamper: sql`UPDATE treasury.fx_quotes SET accepted_at = NULL, accepted_by = NULL WHERE id = ${quote}`,
          restore: sql`UPDATE treasury.fx_quotes SET accepted_at = created_at, accepted_by = 'user:ann' WHERE id = ${quote}`
        },
        {
          check: "merchant_orphans",
          subject: `application ${application.id}`,
          tamper: sql`
            UPDATE merchants.applications SET merchant_id = ${application.id} WHERE id = ${application.id}`,
          restore: sql`
            UPDATE merchants.applications SET merchant_id = ${application.merchantId} WHERE id = ${application.id}`
        },
        {
          check: "merchant_documents",
          subject: `document ${application.documentId}`,
          tamper: sql`
            UPDATE merchants.documents SET object_key = object_key || '-gone' WHERE id = ${application.documentId}`,
          restore: sql`
            UPDATE merchants.documents SET object_key = replace(object_key, '-gone', '') WHERE id = ${application.documentId}`
        }
      ]

      for (const check of new Set(cases.map(({ check }) => check))) {
        const clean = yield* look(check)
        assert.deepStrictEqual([clean.isSound, clean.looked > 0], [true, true], check)
      }
      for (const { check, frozen = [], restore, subject, tamper } of cases) {
        yield* pastTheTriggers(tamper)
        assert.isFalse((yield* look(check)).isSound, check)
        const { data } = yield* doctor.violations({ check, isOpen: true })
        const found = data.map((violation) => `${violation.subject.type} ${violation.subject.id}`)
        // an approval that names another merchant leaves the first without one
        const others = check === "merchant_orphans" ? [`merchant ${application.merchantId}`] : []
        assert.deepStrictEqual(found.toSorted(), [subject, ...others].toSorted(), check)
        assert.deepStrictEqual(data[0]?.frozen, frozen, check)
        yield* pastTheTriggers(restore)
        // what was wrong is looked at again, be it changed or not
        assert.isTrue((yield* doctor.run({ check })).isSound, check)
      }
    })
  )
})
