import { assert, layer } from "@effect/vitest"
import { accountCode } from "@mall/domain/ledger/Account"
import { PositiveAmount, TransferId } from "@mall/domain/ledger/Transfer"
import { Transfers } from "@mall/domain/ledger/Transfers"
import { generator } from "@mall/domain/kernel/Id"
import type { Currency } from "@mall/domain/kernel/Currency"
import { Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PayoutDetails } from "@mall/domain/treasury/Payout"
import { PayoutAccountId } from "@mall/domain/treasury/PayoutAccount"
import { PayoutId, Payouts } from "@mall/domain/treasury/Payouts"
import { BankStatements } from "@mall/treasury/payouts/BankStatements"
import { PayoutAccounts } from "@mall/treasury/payouts/PayoutAccounts"
import { PayoutDecisions } from "@mall/treasury/payouts/PayoutDecisions"
import { PayoutReads } from "@mall/treasury/payouts/PayoutReads"
import { PayoutSending } from "@mall/treasury/payouts/PayoutSending"
import { Withdrawals } from "@mall/treasury/payouts/Withdrawals"
import { Effect, Exit, Layer, Logger, Redacted, Schema } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { SqlClient } from "effect/sql"
import { mall } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"
import { SandboxProcess } from "./SandboxProcess.ts"

const newAccountId = generator(PayoutAccountId)
const newMerchantId = generator(MerchantId)
const newPayoutId = generator(PayoutId)
const newTransferId = generator(TransferId)

/** Test numbers of the bank card industry and of the registry of IBANs. */
const card = "6222 0212 3456 7890 128"
const iban = "DE89 3704 0044 0532 0130 00"
const olga = "operator:olga"
const staff = "user:staff"
const reason = "because"

const accountOf = (currency: Currency, number: string) => ({
  ...{ currency, holder: "茶 & Tea", number: Redacted.make(number), reason },
  ...(currency === "CNY" ? { country: "CN", bankCode: "102100099996" } : { country: "DE", bic: "COBADEFFXXX" })
})

const settled = (owner: MerchantId, currency: Currency) =>
  accountCode({ owner, kind: "settlement", detail: null, currency })
const atBank = (currency: Currency) => accountCode({ owner: null, kind: "bank", detail: "sandbank", currency })

const balance = (code: ReturnType<typeof settled>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const transfers = yield* Transfers
    return yield* sql.withTransaction(transfers.available(code))
  })

/** A merchant with so much settled money. */
const rich = Effect.fnUntraced(function* (amount: number, currency: Currency = "CNY") {
  const transfers = yield* Transfers
  const merchantId = yield* newMerchantId
  const sides = [
    { account: accountCode({ owner: merchantId, kind: "payable", detail: null, currency }), side: "debit" },
    { account: settled(merchantId, currency), side: "credit" }
  ] as const
  yield* transfers.post([
    {
      ...{ type: "single", id: yield* newTransferId, purpose: "settlement", subject: null, actor: "test", reason },
      ...{ traceId: null, legs: sides.map((leg) => ({ ...leg, amount: PositiveAmount.make(amount) })) }
    }
  ])
  return merchantId
})

/** An account that is verified and cooled off. */
const banked = Effect.fnUntraced(function* (merchantId: MerchantId, currency: Currency = "CNY") {
  const sql = yield* SqlClient.SqlClient
  const accounts = yield* PayoutAccounts
  const id = yield* newAccountId
  yield* accounts.add(merchantId, accountOf(currency, currency === "CNY" ? card : iban), staff, id)
  yield* accounts.verify(id, reason, olga)
  yield* sql`UPDATE treasury.payout_accounts SET usable_from = now() - interval '1 hour' WHERE id = ${id}`
  return id
})

const withdraw = Effect.fnUntraced(function* (merchantId: MerchantId, amount: number, currency: Currency = "CNY") {
  const withdrawals = yield* Withdrawals
  const id = yield* newPayoutId
  yield* withdrawals.create(merchantId, { money: Money.of(amount, currency), reason }, staff, id)
  return id
})

const send = PayoutSending.use(({ sweep }) => sweep(50))
const readStatements = BankStatements.use(({ read }) => read)
const read = (id: PayoutId) => PayoutReads.use((reads) => reads.payout("all", id))
const statusOf = (id: PayoutId) => Effect.map(read(id), ({ payout }) => payout.status)

/** All that waits is due now. */
const makeDue = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE treasury.payouts SET due_at = now() - interval '1 second' WHERE due_at IS NOT NULL`
})

const control = (path: string, body?: unknown) => SandboxProcess.use((sandbox) => sandbox.control(path, body))
const fault = (operation: string, times: number, what: Readonly<Record<string, unknown>>) =>
  control("/faults", { channel: "bank", operation, times, fault: what })
const mode = (how: "execute" | "hold" | "reject") => control("/bank/mode", { mode: how })

const Transfer = Schema.Struct({ data: Schema.Array(Schema.Struct({ id: Schema.String, status: Schema.String })) })

/** How often the bank was told of it by its own books. */
const transfersOf = Effect.fnUntraced(function* (id: string) {
  const { port } = yield* SandboxProcess
  const http = yield* HttpClient.HttpClient
  const response = yield* http.get(`http://127.0.0.1:${port}/control/bank/transfers`)
  const body = yield* response.json
  const { data } = yield* Schema.decodeUnknownEffect(Transfer)(body)
  return data.filter((transfer) => transfer.id === id).map(({ status }) => status)
}, Effect.provide(FetchHttpClient.layer))

const commandLineWith = (settings: Readonly<Record<string, string>>) =>
  CommandLine.layerServices.pipe(
    Layer.provideMerge(
      Layer.unwrap(
        Effect.map(SandboxProcess, ({ dataFolder, port }) =>
          CommandLine.layerWith({
            ...{ MALL_DATA_DIR: dataFolder, SANDBOX_PORT: port, PUBLIC_URL: "http://127.0.0.1:9" },
            ...{ DOWNSTREAM_SANDBANK_MAX_ATTEMPTS: "1", DOWNSTREAM_SANDBANK_BREAKER_FAILURES: "1000", ...settings }
          })
        )
      )
    ),
    Layer.provideMerge(SandboxProcess.layer),
    Layer.provideMerge(Logger.layer([]))
  )

for (const channel of ["sandbank_api", "sandbank_files"] as const) {
  const suite = layer(commandLineWith({ PAYOUT_CHANNEL: channel }), {
    excludeTestServices: true,
    timeout: "120 seconds"
  })
  suite(`A bank by ${channel}`, (it) => {
    it.effect("is paid once, and the books say so", () =>
      Effect.gen(function* () {
        const before = { cny: yield* balance(atBank("CNY")), eur: yield* balance(atBank("EUR")) }
        const merchantId = yield* rich(100_000)
        yield* banked(merchantId)
        const id = yield* withdraw(merchantId, 30_000)
        assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 70_000)
        assert.strictEqual(yield* send, 1)
        const { history, payout } = yield* read(id)
        assert.deepInclude(payout, { status: "paid", channel })
        assert.match(payout.bankReference ?? "", /^SB\d+$/)
        const states = ["requested", "approved", "submitting", "paid"]
        assert.deepStrictEqual(
          history.map(({ toStatus }) => toStatus).filter((state) => state !== "submitted"),
          states
        )
        assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 70_000)
        assert.strictEqual(yield* balance(atBank("CNY")), before.cny - 30_000)
        assert.deepStrictEqual(yield* transfersOf(id), ["executed"])
        const european = yield* rich(500, "EUR")
        yield* banked(european, "EUR")
        const euros = yield* withdraw(european, 499, "EUR")
        yield* send
        assert.strictEqual(yield* statusOf(euros), "paid")
        assert.strictEqual(yield* balance(atBank("EUR")), before.eur - 499)
      })
    )

    it.effect("is waited for, and refuses: the money is the merchant's again", () =>
      Effect.gen(function* () {
        const merchantId = yield* rich(1_000)
        yield* banked(merchantId)
        yield* mode("hold")
        const [later, never] = [yield* withdraw(merchantId, 100), yield* withdraw(merchantId, 200)]
        yield* send
        assert.deepStrictEqual([yield* statusOf(later), yield* statusOf(never)], ["submitted", "submitted"])
        yield* control(`/bank/transfers/${later}/execute`)
        yield* control(`/bank/transfers/${never}/reject`)
        yield* mode("execute")
        assert.strictEqual(yield* send, 0)
        yield* makeDue
        yield* send
        assert.deepStrictEqual([yield* statusOf(later), yield* statusOf(never)], ["paid", "refused"])
        assert.strictEqual((yield* read(never)).payout.failure, "AC04")
        assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 900)
      })
    )

    it.effect("is asked where its answer is lost, forged or not readable, and never paid twice", () =>
      Effect.gen(function* () {
        const merchantId = yield* rich(10_000)
        yield* banked(merchantId)
        for (const what of [
          { kind: "drop", when: "after" },
          { kind: "drop", when: "before" },
          { kind: "tamper", what: "signature" },
          { kind: "tamper", what: "body" },
          { kind: "tamper", what: "timestamp" },
          { kind: "answer", with: "html", when: "after" },
          { kind: "answer", with: "half", when: "after" }
        ]) {
          yield* fault("create", 1, what)
          const id = yield* withdraw(merchantId, 100)
          yield* send
          assert.strictEqual(yield* statusOf(id), "unknown", JSON.stringify(what))
          yield* makeDue
          yield* send
          yield* send
          assert.strictEqual(yield* statusOf(id), "paid", JSON.stringify(what))
          assert.deepStrictEqual(yield* transfersOf(id), ["executed"])
        }
        assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 9_300)
      })
    )

    it.effect("sends money back, which its statement tells, once", () =>
      Effect.gen(function* () {
        const merchantId = yield* rich(1_000)
        yield* banked(merchantId)
        const [paid, lost] = [yield* withdraw(merchantId, 400), yield* withdraw(merchantId, 50)]
        // by files both are in one
        yield* fault("create", channel === "sandbank_api" ? 2 : 1, { kind: "drop", when: "after" })
        yield* send
        assert.deepStrictEqual([yield* statusOf(lost)], ["unknown"])
        yield* control(`/bank/transfers/${paid}/return`)
        yield* readStatements
        assert.deepStrictEqual([yield* statusOf(paid), yield* statusOf(lost)], ["returned", "paid"])
        assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 950)
        assert.strictEqual((yield* read(paid)).payout.failure, "AC01")
        const sql = yield* SqlClient.SqlClient
        yield* sql`DELETE FROM treasury.bank_statements`
        assert.isAbove(yield* readStatements, 0)
        assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 950)
      })
    )
  })
}

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
      assert.strictEqual((yield* Effect.flip(payouts.request(request)))._tag, "NoPayoutAccount")
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

  it.effect("keeps to the limits of a request and of a day", () =>
    Effect.gen(function* () {
      const merchantId = yield* rich(200_000_000)
      yield* banked(merchantId)
      const tooMuch = yield* Effect.flip(withdraw(merchantId, 50_000_001))
      assert.deepInclude(tooMuch, { _tag: "WithdrawalLimitExceeded", period: "request" })
      yield* withdraw(merchantId, 4_000_000)
      const second = yield* withdraw(merchantId, 4_000_000)
      const day = yield* Effect.flip(withdraw(merchantId, 1_000_001))
      assert.deepInclude(day, { _tag: "WithdrawalLimitExceeded", period: "day", left: 1_000_000 })
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
