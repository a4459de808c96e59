import { assert, layer } from "@effect/vitest"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { PayoutDetails } from "@mall/domain/treasury/Payout"
import { Payouts } from "@mall/domain/treasury/Payouts"
import { PayoutAccounts } from "@mall/treasury/payouts/PayoutAccounts"
import { PayoutDecisions } from "@mall/treasury/payouts/PayoutDecisions"
import { Standings } from "@mall/merchants/standing/Standings"
import { Withdrawals } from "@mall/treasury/payouts/Withdrawals"
import { spawnServer } from "@mall/testing/TestServer"
import { Effect, Exit, Redacted, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { mall } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"
import {
  accountOf,
  balance,
  banked,
  card,
  commandLineWith,
  control,
  fault,
  iban,
  makeDue,
  mode,
  newAccountId,
  newMerchantId,
  newPayoutId,
  olga,
  read,
  reason,
  rich,
  send,
  settled,
  staff,
  statusOf,
  transfersOf,
  withdraw
} from "./payouts.ts"

const suite = layer(commandLineWith({ WITHDRAWAL_LIMIT_DAY: "9000000" }), {
  excludeTestServices: true,
  timeout: "120 seconds"
})

suite("Pay-outs", (it) => {
  it.effect("refuses accounts that cannot be, and never shows a number", () =>
    Effect.gen(function* () {
      const accounts = yield* PayoutAccounts
      const merchantId = yield* newMerchantId
      const wrong = Effect.fnUntraced(function* (input: object) {
        const id = yield* newAccountId
        const error = yield* Effect.flip(accounts.add(merchantId, { ...accountOf("EUR", iban), ...input }, staff, id))
        return error._tag === "PayoutAccountInvalid" ? error.wrong : [error._tag]
      })
      assert.deepStrictEqual(yield* wrong({ number: Redacted.make("DE88370400440532013000") }), ["number"])
      assert.deepStrictEqual(yield* wrong({ number: Redacted.make("DE8937040044053201300") }), ["number"])
      assert.deepStrictEqual(yield* wrong({ country: "FR" }), ["number"])
      assert.deepStrictEqual(yield* wrong({ country: "XX", bic: "NOPE" }), ["country", "number", "bic"])
      const chinese = { country: "CN", currency: "CNY" }
      assert.deepStrictEqual(yield* wrong({ ...chinese, number: Redacted.make(`${card.slice(0, -1)}7`) }), [
        ...["number", "bankCode"]
      ])
      const id = yield* banked(merchantId)
      const { account } = yield* accounts.details("all", id)
      assert.strictEqual(account.maskedNumber, "***0128")
      const sql = yield* SqlClient.SqlClient
      const dump = JSON.stringify(yield* sql`SELECT t::text FROM treasury.payout_accounts AS t`)
      assert.notInclude(dump, card.replaceAll(" ", "").slice(2, 14))
    })
  )

  it.effect("has somebody else verify an account, ends the one before it, and lets the new one cool off", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const accounts = yield* PayoutAccounts
      const merchantId = yield* rich(1_000)
      assert.strictEqual((yield* Effect.flip(withdraw(merchantId, 1)))._tag, "NoPayoutAccount")
      const first = yield* banked(merchantId)
      const second = yield* newAccountId
      const add = accounts.add(merchantId, accountOf("CNY", card), staff, second)
      yield* add
      assert.strictEqual((yield* add).history.length, 1)
      assert.strictEqual((yield* Effect.flip(accounts.verify(second, reason, staff)))._tag, "AnotherPersonNeeded")
      assert.isTrue(
        Exit.isFailure(
          yield* Effect.exit(sql`UPDATE treasury.payout_accounts SET verified_by = added_by WHERE id = ${second}`)
        )
      )
      yield* accounts.verify(second, reason, olga)
      assert.strictEqual((yield* accounts.details(merchantId, first)).account.status, "superseded")
      const cooling = yield* Effect.flip(withdraw(merchantId, 1))
      assert.strictEqual(cooling._tag, "PayoutAccountCoolingOff")
      assert.strictEqual((yield* Effect.flip(accounts.reject(second, reason, olga)))._tag, "PayoutAccountDecided")
      const stranger = yield* newMerchantId
      assert.strictEqual((yield* Effect.flip(accounts.details(stranger, first)))._tag, "PayoutAccountNotFound")
      const taken = yield* Effect.flip(accounts.add(stranger, accountOf("CNY", card), staff, first))
      assert.strictEqual(taken._tag, "IdUsed")
      // the port is not sooner than the people are
      const payouts = yield* Payouts
      const request = {
        id: yield* newPayoutId,
        merchantId,
        money: Money.of(1, "CNY"),
        subject: "s",
        actor: "a",
        reason
      }
      const refused = yield* Effect.flip(payouts.request(request))
      const { usableFrom } = (yield* accounts.details(merchantId, second)).account
      assert.deepInclude(refused, { _tag: "NoPayoutAccount", usableFrom })
      assert.include(refused.message, usableFrom?.toISOString() ?? "a time")
    })
  )

  it.effect("gives one of two withdrawals at once what is there for one", () =>
    Effect.gen(function* () {
      const merchantId = yield* rich(1_000)
      yield* banked(merchantId)
      const exits = yield* Effect.all(
        Array.from({ length: 8 }, () => Effect.exit(withdraw(merchantId, 600))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
      assert.strictEqual((yield* Effect.flip(withdraw(merchantId, 401)))._tag, "AccountOverdrawn")
      assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 400)
    })
  )

  it.effect("pays the same request once, and takes no id of another", () =>
    Effect.gen(function* () {
      const withdrawals = yield* Withdrawals
      const payouts = yield* Payouts
      const merchantId = yield* rich(1_000)
      yield* banked(merchantId)
      const id = yield* newPayoutId
      const create = (who: MerchantId, amount: number) =>
        withdrawals.create(who, { money: Money.of(amount, "CNY"), reason }, staff, id)
      yield* create(merchantId, 100)
      yield* create(merchantId, 100)
      assert.strictEqual((yield* Effect.flip(create(merchantId, 101)))._tag, "IdUsed")
      assert.strictEqual((yield* Effect.flip(create(yield* newMerchantId, 100)))._tag, "IdUsed")
      const settlement = yield* newPayoutId
      const money = Money.of(300, "CNY")
      const request = { id: settlement, merchantId, money, subject: "settlement-1", actor: "system", reason }
      yield* Effect.all([payouts.request(request), payouts.request(request)], { concurrency: "unbounded" })
      assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 600)
      const { payout } = yield* read(settlement)
      assert.deepInclude(payout, { kind: "settlement", subject: "settlement-1", status: "approved" })
      const decisions = yield* PayoutDecisions
      const refused = yield* Effect.flip(decisions.cancel(merchantId, settlement, reason, staff))
      assert.strictEqual(refused._tag, "PayoutStateConflict")
    })
  )

  it.effect("pays nothing to a merchant whose check is over, or who is suspended", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const payouts = yield* Payouts
      const standings = yield* Standings
      const merchantId = yield* rich(1_000)
      yield* banked(merchantId)
      const approved = yield* withdraw(merchantId, 100)
      const becomes = (kycStatus: string, isSuspended: boolean, standing: string) =>
        sql`
          INSERT INTO merchants.profiles (merchant_id, kyc_status, kyc_level, verified_until, suspended_at, updated_at)
          VALUES (${merchantId}, ${kycStatus}, 'basic', now(), ${isSuspended ? sql`now()` : null}, now())
          ON CONFLICT (merchant_id) DO UPDATE SET kyc_status = excluded.kyc_status, suspended_at = excluded.suspended_at`.pipe(
          Effect.andThen(standings.changed([merchantId])),
          sql.withTransaction,
          Effect.andThen(
            Effect.repeat(standings.of(merchantId), {
              until: (now) => now === standing,
              schedule: Schedule.spaced("20 millis")
            })
          )
        )
      const money = Money.of(1, "CNY")
      const request = { id: yield* newPayoutId, merchantId, money, subject: "s", actor: "a", reason }
      for (const [kycStatus, isSuspended, standing] of [
        ["expired", false, "restricted"],
        ["verified", true, "suspended"]
      ] as const) {
        yield* becomes(kycStatus, isSuspended, standing)
        const refused = yield* Effect.flip(withdraw(merchantId, 1))
        assert.deepInclude(refused, { _tag: "PayoutsWithheld", standing })
        assert.strictEqual((yield* Effect.flip(payouts.request(request)))._tag, "PayoutsWithheld")
        yield* makeDue
        yield* send
        assert.strictEqual(yield* statusOf(approved), "approved")
      }
      yield* becomes("verified", false, "active")
      yield* makeDue
      yield* send
      assert.strictEqual(yield* statusOf(approved), "paid")
      assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 900)
      // what the bank was told before goes on: it may have paid it, although it did not know it when it was asked
      const told = yield* withdraw(merchantId, 50)
      yield* fault("create", 1, { kind: "drop", when: "after" })
      yield* send
      yield* sql`UPDATE treasury.payouts SET status = 'approved', batch_id = NULL WHERE id = ${told}`
      yield* becomes("verified", true, "suspended")
      yield* makeDue
      yield* send
      assert.deepStrictEqual([yield* statusOf(told), yield* transfersOf(told)], ["paid", ["executed"]])
    })
  )

  it.effect("keeps to the limits of a request and of a day", () =>
    Effect.gen(function* () {
      const merchantId = yield* rich(200_000_000)
      yield* banked(merchantId)
      const tooMuch = yield* Effect.flip(withdraw(merchantId, 50_000_001))
      assert.deepInclude(tooMuch, { _tag: "WithdrawalLimitExceeded", period: "request" })
      yield* withdraw(merchantId, 4_000_000)
      const second = yield* withdraw(merchantId, 4_000_000)
      const day = yield* Effect.flip(withdraw(merchantId, 1_000_001))
      assert.deepInclude(day, { _tag: "WithdrawalLimitExceeded", period: "day", left: MinorUnits.make(1_000_000) })
      const decisions = yield* PayoutDecisions
      yield* decisions.cancel(merchantId, second, reason, staff)
      yield* withdraw(merchantId, 5_000_000)
    })
  )

  it.effect("wants two others to approve what is large", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const decisions = yield* PayoutDecisions
      const merchantId = yield* rich(20_000_000)
      yield* banked(merchantId)
      const id = yield* withdraw(merchantId, 6_000_000)
      assert.strictEqual(yield* statusOf(id), "awaiting_approval")
      const own = yield* Effect.flip(decisions.approve(id, reason, staff))
      assert.strictEqual(own._tag, "AnotherPersonNeeded")
      yield* decisions.approve(id, reason, olga)
      assert.strictEqual((yield* Effect.flip(decisions.approve(id, reason, olga)))._tag, "AnotherPersonNeeded")
      assert.isTrue(
        Exit.isFailure(
          yield* Effect.exit(sql`UPDATE treasury.payouts SET second_approver = first_approver WHERE id = ${id}`)
        )
      )
      yield* send
      assert.strictEqual(yield* statusOf(id), "awaiting_approval")
      const approved = yield* mall("withdrawals", "approve", id, "--reason", "seen", "--yes", "--json")
      // the command line is olga's too
      assert.strictEqual(approved.code, 1)
      assert.include(approved.err, "Another person decides")
      const { payout } = yield* decisions.approve(id, reason, "operator:bob")
      assert.deepStrictEqual(payout.approvedBy, [olga, "operator:bob"])
      yield* send
      assert.strictEqual(yield* statusOf(id), "paid")
      assert.strictEqual((yield* Effect.flip(decisions.cancel("all", id, reason, olga)))._tag, "PayoutStateConflict")
    })
  )

  it.effect("pays once however many workers there are, and what a dead one left is asked about", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const merchantId = yield* rich(10_000)
      yield* banked(merchantId)
      const ids = yield* Effect.forEach(Array.from({ length: 6 }), () => withdraw(merchantId, 10))
      yield* Effect.all([send, send, send], { concurrency: "unbounded" })
      for (const id of ids) {
        assert.strictEqual(yield* statusOf(id), "paid")
        const { history } = yield* read(id)
        assert.strictEqual(history.filter(({ toStatus }) => toStatus === "submitting").length, 1)
      }
      // one dies before it tells the bank, one after
      const before = yield* withdraw(merchantId, 20)
      yield* fault("create", 1, { kind: "drop", when: "before" })
      yield* send
      const after = yield* withdraw(merchantId, 30)
      yield* fault("create", 1, { kind: "drop", when: "after" })
      yield* send
      assert.deepStrictEqual([yield* transfersOf(before), yield* transfersOf(after)], [[], ["executed"]])
      yield* sql`UPDATE treasury.payouts SET status = 'submitting' WHERE id IN ${sql.in([before, after])}`
      assert.strictEqual(yield* send, 0)
      yield* makeDue
      yield* send
      // told that the bank knows nothing, it is told again; it may not be taken back any more
      const decisions = yield* PayoutDecisions
      assert.strictEqual(yield* statusOf(before), "approved")
      const conflict = yield* Effect.flip(decisions.cancel(merchantId, before, reason, staff))
      assert.strictEqual(conflict._tag, "PayoutStateConflict")
      yield* Effect.all([send, send], { concurrency: "unbounded" })
      assert.deepStrictEqual([yield* statusOf(before), yield* statusOf(after)], ["paid", "paid"])
      assert.deepStrictEqual(yield* transfersOf(before), ["executed"])
      assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 10_000 - 60 - 50)
    })
  )

  it.effect("pays once where a worker is killed after the bank has paid and before that is written down", () =>
    Effect.gen(function* () {
      const { environment } = yield* CommandLine
      const merchantId = yield* rich(1_000)
      yield* banked(merchantId)
      yield* fault("create", 1, { kind: "delay", milliseconds: 4_000, when: "after" })
      const id = yield* withdraw(merchantId, 70)
      const worker = yield* spawnServer({ ...environment, MALL_ROLES: "worker" })
      yield* transfersOf(id).pipe(
        Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (found) => found.length > 0 }),
        Effect.timeout("60 seconds")
      )
      yield* worker.signal("SIGKILL")
      yield* worker.ended
      assert.strictEqual(yield* statusOf(id), "submitting")
      assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 930)
      yield* makeDue
      yield* send
      assert.strictEqual(yield* statusOf(id), "paid")
      assert.deepStrictEqual(yield* transfersOf(id), ["executed"])
      assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 930)
    })
  )

  it.effect("is led by the command line", () =>
    Effect.gen(function* () {
      const accounts = yield* PayoutAccounts
      const merchantId = yield* rich(1_000)
      const account = yield* newAccountId
      yield* accounts.add(merchantId, accountOf("CNY", card), staff, account)
      assert.include((yield* mall("payouts", "accounts", "--status", "unverified")).out, "***0128")
      assert.strictEqual((yield* mall("payouts", "verify", account, "--reason", "seen")).code, 2)
      assert.include((yield* mall("payouts", "verify", account, "--reason", "seen", "--yes")).out, "active")
      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE treasury.payout_accounts SET usable_from = now() WHERE id = ${account}`
      const id = yield* withdraw(merchantId, 100)
      assert.include((yield* mall("payouts", "list", "--merchant", merchantId)).out, id)
      const cancelled = yield* mall("withdrawals", "cancel", id, "--reason", "no", "--yes", "--json")
      assert.strictEqual((yield* decode(PayoutDetails, cancelled)).payout.status, "cancelled")
      const paid = yield* withdraw(merchantId, 100)
      yield* mode("hold")
      yield* send
      yield* control(`/bank/transfers/${paid}/execute`)
      yield* mode("execute")
      const asked = yield* decode(PayoutDetails, yield* mall("payouts", "query", paid, "--json"))
      assert.strictEqual(asked.payout.status, "paid")
      assert.include((yield* mall("withdrawals", "return", paid, "--reason", "letter", "--yes")).out, "returned")
      assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 1_000)
      assert.include((yield* mall("withdrawals", "show", paid)).out, "letter")
      const missing = yield* newPayoutId
      for (const command of [["show"], ["approve", "--reason", "x", "--yes"], ["reject", "--reason", "x", "--yes"]]) {
        const [name = "", ...rest] = command
        const { code, err } = yield* mall("withdrawals", name, missing, ...rest)
        assert.deepStrictEqual([code, err.includes("There is no such pay-out")], [1, true])
      }
    })
  )
})
