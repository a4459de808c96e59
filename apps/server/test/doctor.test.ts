import { assert, layer } from "@effect/vitest"
import { AccountCode } from "@mall/domain/ledger/Account"
import { ViolationId } from "@mall/domain/operations/Doctor"
import type { Purpose } from "@mall/domain/ledger/Transfer"
import { generator } from "@mall/domain/kernel/Id"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Config, Console, Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { randomOperations } from "./randomOperations.ts"
import { eventually } from "./shoppers.ts"
import { pastTheTriggers } from "./tampering.ts"
import type { Tampering } from "./tampering.ts"

const newViolationId = generator(ViolationId)
const platformPayable = AccountCode.make("platform:payable:CNY")

/** A mall whose operators look for themselves: no sweep of the doctor comes between. */
class Mall extends Context.Service<Mall, TestServer>()("@mall/server/test/doctor/Mall") {
  static readonly layer = Layer.unwrap(
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const environment = {
        SANDBOX_REFUND_DELAY: "0 seconds",
        SANDBOX_RETRY_SCALE: "0.02",
        ACCESS_LOG: "false",
        LOG_LEVEL: "Error",
        CLUSTER_POLL_INTERVAL: "300 millis",
        MERCHANT_TERMS_LEAD: "0 seconds",
        PAYOUT_COOLING_OFF: "0 seconds"
      }
      const server = yield* startServer({ database, environment })
      return Layer.succeed(Mall, Mall.of(server)).pipe(Layer.provideMerge(Layer.orDie(Sql.layerUrl(database))))
    })
  )
}

/** What moves money, as docs/ledger.md lists it; what is captured twice comes by chance. */
const flows: ReadonlyArray<Purpose> = [
  ...(["adjustment", "capture", "conversion", "dispute", "fee", "payout", "payout_return"] as const),
  ...(["refund", "reserve", "reserve_release", "settlement"] as const)
]

const operations = Config.Int("DOCTOR_OPERATIONS").pipe(Config.withDefault(300))

layer(Mall.layer, { excludeTestServices: true, timeout: "3 minutes" })("the doctor", (it) => {
  it.effect(
    "finds all as it has to be after operations at random with a channel that fails",
    () =>
      Effect.gen(function* () {
        const { sandboxUrl, url } = yield* Mall
        const count = yield* operations
        const mall = yield* randomOperations(url, sandboxUrl, 7)
        const rpc = mall.admin.admin
        yield* mall.prepare
        const started = performance.now()
        // it looks while they act: what is on its way is no violation
        for (let part = 0; part < 4; part++) {
          yield* mall.run(Math.ceil(count / 4))
          const meanwhile = yield* rpc["admin.doctor.run"]({})
          assert.deepStrictEqual(
            meanwhile.results.filter(({ failure, found }) => found > 0 || failure !== null),
            []
          )
        }
        const seconds = (performance.now() - started) / 1000
        yield* mall.clearFaults
        yield* mall.complete
        const report = yield* rpc["admin.doctor.run"]({ isFull: true, withChannels: true })
        assert.deepStrictEqual(
          report.results.filter(({ failure, found }) => found > 0 || failure !== null),
          []
        )
        assert.isTrue(report.isSound)
        const { totals } = yield* rpc["admin.ledger.trialBalance"]({})
        assert.isAbove(totals.length, 0)
        for (const { credits, debits } of totals) assert.strictEqual(debits, credits)
        const sql = yield* SqlClient.SqlClient
        const purposes = yield* sql`SELECT DISTINCT purpose FROM ledger.transfers`
        assert.includeMembers(
          purposes.map((row) => row["purpose"]),
          [...flows]
        )
        const looked = Object.fromEntries(report.results.map(({ check, looked }) => [check, looked]))
        for (const check of [
          "payment_books",
          "order_payments",
          "stock_reserved",
          "ledger_balances",
          "payment_channels",
          "settlement_items",
          "settlement_gaps",
          "payout_transfers",
          "quota_holds",
          "reserves_held"
        ]) {
          assert.isAbove(looked[check] ?? 0, 0, check)
        }
        yield* Console.debug(
          JSON.stringify({ count, seconds, done: Object.fromEntries(mall.done), looked, totals }, undefined, 1)
        )
      }),
    { timeout: 3_600_000 }
  )

  it.effect(
    "finds each thing that was changed past the program, freezes what it touches, alerts once, and resolves it",
    () =>
      Effect.gen(function* () {
        const { sandboxUrl, url } = yield* Mall
        const sql = yield* SqlClient.SqlClient
        const mall = yield* randomOperations(url, sandboxUrl, 8)
        yield* mall.clearFaults
        yield* mall.run(60)
        const rpc = mall.admin.admin
        const idOf = (query: Effect.Effect<ReadonlyArray<unknown>, unknown>) =>
          Effect.map(Effect.orDie(query), ([row]) => String(Object(row).id))
        yield* eventually(
          idOf(sql`SELECT count(*) AS id FROM payments.refunds WHERE status IN ('pending', 'processing', 'unknown')`),
          (count) => count === "0",
          "refunds to end"
        )
        const paid = yield* idOf(sql`
          SELECT i.id FROM payments.intents AS i JOIN trade.checkouts AS c ON c.payment_id = i.id
          WHERE i.status = 'succeeded' AND c.status = 'paid' LIMIT 1`)
        const checkout = yield* idOf(sql`SELECT id FROM trade.checkouts WHERE payment_id = ${paid}`)
        const sku = yield* idOf(sql`SELECT sku_id AS id FROM trade.stock WHERE reserved > 0 LIMIT 1`)
        const transfer = yield* idOf(sql`SELECT id FROM ledger.transfers WHERE subject = ${paid} LIMIT 1`)
        const shard = sql`(account_id, shard) = (
          SELECT e.account_id, e.shard FROM ledger.entries AS e JOIN ledger.accounts AS a ON a.id = e.account_id
          WHERE e.transfer_id = ${transfer} AND a.code = ${platformPayable})`

        const cases: ReadonlyArray<Tampering> = [
          {
            check: "payment_totals",
            subject: `payment ${paid}`,
            frozen: [platformPayable],
            tamper: sql`UPDATE payments.intents SET held = 1 WHERE id = ${paid}`,
            restore: sql`UPDATE payments.intents SET held = 0 WHERE id = ${paid}`
          },
          {
            check: "payment_books",
            subject: `payment ${paid}`,
            frozen: [platformPayable],
            tamper: sql`UPDATE payments.attempts SET amount = amount + 1 WHERE payment_id = ${paid} AND status = 'succeeded'`,
            restore: sql`UPDATE payments.attempts SET amount = amount - 1 WHERE payment_id = ${paid} AND status = 'succeeded'`
          },
          {
            check: "payment_channels",
            subject: `payment ${paid}`,
            frozen: [platformPayable],
            tamper: sql`
              UPDATE payments.attempts SET amount = amount + 1 WHERE payment_id = ${paid} AND status = 'succeeded'`,
            restore: sql`
              UPDATE payments.attempts SET amount = amount - 1 WHERE payment_id = ${paid} AND status = 'succeeded'`
          },
          {
            check: "ledger_balances",
            subject: `account ${platformPayable}`,
            frozen: [platformPayable],
            tamper: sql`UPDATE ledger.balances SET credits_posted = credits_posted + 1 WHERE ${shard}`,
            restore: sql`UPDATE ledger.balances SET credits_posted = credits_posted - 1 WHERE ${shard}`
          },
          {
            check: "ledger_trial_balance",
            subject: "currency CNY",
            tamper: sql`UPDATE ledger.balances SET credits_posted = credits_posted + 1 WHERE ${shard}`,
            restore: sql`UPDATE ledger.balances SET credits_posted = credits_posted - 1 WHERE ${shard}`
          },
          {
            check: "ledger_pending",
            subject: `account ${platformPayable}`,
            frozen: [platformPayable],
            tamper: sql`UPDATE ledger.balances SET debits_pending = debits_pending + 1 WHERE ${shard}`,
            restore: sql`UPDATE ledger.balances SET debits_pending = debits_pending - 1 WHERE ${shard}`
          },
          {
            check: "ledger_chain",
            subject: "chain ledger",
            tamper: sql`UPDATE ledger.transfers SET reason = reason || '!' WHERE id = ${transfer}`,
            restore: sql`UPDATE ledger.transfers SET reason = rtrim(reason, '!') WHERE id = ${transfer}`
          },
          {
            check: "order_payments",
            subject: `checkout ${checkout}`,
            tamper: sql`UPDATE trade.checkouts SET total = total + 1 WHERE id = ${checkout}`,
            restore: sql`UPDATE trade.checkouts SET total = total - 1 WHERE id = ${checkout}`
          },
          {
            check: "order_sums",
            subject: `checkout ${checkout}`,
            tamper: sql`UPDATE trade.orders SET total = total + 1 WHERE checkout_id = ${checkout}`,
            restore: sql`UPDATE trade.orders SET total = total - 1 WHERE checkout_id = ${checkout}`
          },
          {
            check: "stock_reserved",
            subject: `sku ${sku}`,
            tamper: sql`UPDATE trade.stock SET reserved = reserved + 1 WHERE sku_id = ${sku}`,
            restore: sql`UPDATE trade.stock SET reserved = reserved - 1 WHERE sku_id = ${sku}`
          },
          {
            check: "stock_on_hand",
            subject: `sku ${sku}`,
            tamper: sql`UPDATE trade.stock SET on_hand = on_hand + 1 WHERE sku_id = ${sku}`,
            restore: sql`UPDATE trade.stock SET on_hand = on_hand - 1 WHERE sku_id = ${sku}`
          },
          {
            check: "payment_orphans",
            subject: `dispute ${paid}`,
            tamper: sql`
              INSERT INTO payments.disputes (id, channel, channel_reference, payment_reference, payment_id, status, amount,
                currency, reason, told_at, version, opened_at, created_at, updated_at)
              VALUES (${paid}, 'stripe', 'dp_x', 'pi_x', ${checkout}, 'needs_response', 1, 'CNY', 'fraud', now(), 1, now(), now(),
                now())`,
            restore: sql`DELETE FROM payments.disputes WHERE id = ${paid}`
          },
          {
            check: "dispute_books",
            subject: `dispute ${paid}`,
            frozen: [platformPayable],
            tamper: sql`
              INSERT INTO payments.disputes (id, channel, channel_reference, payment_reference, payment_id, status, amount,
                currency, reason, withdrawn, fees, balance_currency, told_at, version, opened_at, created_at, updated_at)
              VALUES (${paid}, 'stripe', 'dp_x', 'pi_x', ${paid}, 'needs_response', 1, 'CNY', 'fraud', 5, 1, 'CNY', now(), 1, now(),
                now(), now())`,
            restore: sql`DELETE FROM payments.disputes WHERE id = ${paid}`
          },
          {
            check: "messages",
            subject: "message order_paid.nobody/doctor-dead",
            tamper: sql`
              INSERT INTO outbox (id, queue_name, element, state, attempts, visible_at, created_at, updated_at)
              VALUES ('doctor-dead', 'order_paid.nobody', '{}', 'failed', 10, NOW(), NOW(), NOW())`,
            restore: sql`DELETE FROM outbox WHERE id = 'doctor-dead'`
          },
          {
            check: "idempotency_claims",
            subject: `operation ${paid}`,
            tamper: sql`
              INSERT INTO platform.idempotency_keys
                (scope, key, request_hash, operation_id, holder, state, lease_until, created_at, expires_at)
              VALUES ('s', 'doctor', 'h', ${paid}, ${paid}, 'running', now() - interval '2 hours', now() - interval '3 hours', now() + interval '1 day')`,
            restore: sql`DELETE FROM platform.idempotency_keys WHERE key = 'doctor'`
          },
          {
            check: "reconciliation_staging",
            subject: `run ${paid}`,
            tamper: sql`
              INSERT INTO treasury.compared_records (claim_id, kind, reference, payment_id, amount, currency, state, at)
              VALUES (${paid}, 'payment', 'r', 'p', 1, 'CNY', 'succeeded', now())`,
            restore: sql`DELETE FROM treasury.compared_records WHERE claim_id = ${paid}`
          },
          ...(["reconciliation_late", "reconciliation_failed"] as const).map((check) => ({
            check,
            subject: `run ${paid}`,
            tamper: sql`
              INSERT INTO treasury.reconciliation_runs
                (id, channel, account, day, status, attempt, failure, failure_kind, actor, asked_at, late_at, finished_at)
              VALUES (${paid}, 'stripe', 'doctor', '2026-01-01', 'failed', 3, 'no bill', 'unavailable', 'doctor', now(), now(),
                now())`,
            restore: sql`DELETE FROM treasury.reconciliation_runs WHERE id = ${paid}`
          }))
        ]
        const frozenNow = sql`SELECT code FROM ledger.accounts WHERE frozen_at IS NOT NULL ORDER BY code`.pipe(
          Effect.map((rows) => rows.map(({ code }) => String(code)))
        )
        const alerts = (check: string) =>
          Effect.map(rpc["admin.alerts.list"]({ limit: 100 }), ({ data }) =>
            data.filter(({ kind, subject }) => kind === "doctor_violation" && subject === check)
          )

        for (const { check, frozen = [], restore, subject, tamper } of cases) {
          yield* pastTheTriggers(tamper)
          // a check of channels takes a sample of all that there is: this one row is asked for by its id
          const isSample = check === "payment_channels"
          const one = isSample ? { subject: paid } : { isFull: true }
          const { isSound } = yield* rpc["admin.doctor.run"]({ check, ...one })
          assert.isFalse(isSound, check)
          // and what was found stays found, whatever a sample takes
          yield* rpc["admin.doctor.run"]({ check, isFull: true })
          const found = (yield* rpc["admin.doctor.violations"]({ check, isOpen: true })).data
          assert.deepStrictEqual(
            found.map((violation) => `${violation.subject.type} ${violation.subject.id}`),
            [subject],
            check
          )
          assert.deepStrictEqual(yield* frozenNow, frozen, check)
          assert.deepStrictEqual(
            (yield* alerts(check)).map(({ resolvedAt }) => resolvedAt),
            [null],
            check
          )
          const details = yield* rpc["admin.doctor.show"]({ id: found[0]!.id })
          assert.deepStrictEqual(
            details.history.map(({ change }) => change),
            ["found", ...frozen.map(() => "frozen" as const)],
            check
          )
          if (subject.startsWith("payment ")) {
            const sources = new Set(details.events.map(({ source }) => source))
            assert.isTrue(sources.has("payment history") && sources.has("ledger") && sources.has("channel log"), check)
            assert.isTrue(details.events.some(({ traceId }) => traceId !== null))
          }

          yield* pastTheTriggers(restore)
          // what was wrong is looked at again, be it changed or not
          const after = yield* rpc["admin.doctor.run"]({ check })
          assert.isTrue(after.isSound, check)
          const [resolved] = (yield* rpc["admin.doctor.violations"]({ check })).data
          assert.isNotNull(resolved?.resolvedAt, check)
          assert.isNotNull((yield* alerts(check))[0]?.resolvedAt, check)
          for (const account of frozen) {
            yield* rpc["admin.ledger.thaw"]({ account: AccountCode.make(account), reason: "put right" })
          }
        }
      }),
    { timeout: 600_000 }
  )

  it.effect("does not freeze again what a person thawed, nor fail for what one acknowledged", () =>
    Effect.gen(function* () {
      const { sandboxUrl, url } = yield* Mall
      const sql = yield* SqlClient.SqlClient
      const { admin } = yield* randomOperations(url, sandboxUrl, 9)
      const rpc = admin.admin
      const check = "payment_totals"
      // one of which nothing went back, or more could not be held of it
      const [whole] = yield* sql`
        SELECT id FROM payments.intents WHERE status = 'succeeded' AND captured > refunded + held ORDER BY id LIMIT 1`
      const some = sql`id = ${String(whole?.["id"])}`
      yield* pastTheTriggers(sql`UPDATE payments.intents SET held = held + 1 WHERE ${some}`)
      yield* rpc["admin.doctor.run"]({ check, isFull: true })
      const [violation] = (yield* rpc["admin.doctor.violations"]({ check, isOpen: true })).data
      assert.isDefined(violation)
      const [account] = violation.frozen
      assert.isDefined(account)
      yield* rpc["admin.ledger.thaw"]({ account, reason: "looked at" })
      assert.isFalse((yield* rpc["admin.doctor.run"]({ check })).isSound)
      assert.isNull((yield* rpc["admin.ledger.account"]({ account })).frozenAt)
      const taken = yield* rpc["admin.doctor.acknowledge"]({ id: violation.id, reason: "known" })
      assert.match(taken.acknowledgedBy ?? "", /^user:/)
      const report = yield* rpc["admin.doctor.run"]({ check })
      assert.deepStrictEqual([report.isSound, report.results[0]?.found, report.results[0]?.acknowledged], [true, 1, 1])
      yield* pastTheTriggers(sql`UPDATE payments.intents SET held = held - 1 WHERE ${some}`)
      yield* rpc["admin.doctor.run"]({ check })
      assert.deepStrictEqual((yield* rpc["admin.doctor.violations"]({ check, isOpen: true })).data, [])

      const unknown = yield* Effect.flip(rpc["admin.doctor.run"]({ check: "nothing" }))
      assert.strictEqual(unknown._tag, "UnknownCheck")
      const missing = yield* Effect.flip(rpc["admin.doctor.show"]({ id: yield* newViolationId }))
      assert.strictEqual(missing._tag, "ViolationNotFound")
    })
  )
})
