import { assert, layer } from "@effect/vitest"
import { AccountPage, TrialBalance } from "@mall/domain/ledger/Account"
import { StatementPage, TransferDetails, TransferPage } from "@mall/domain/ledger/Transfer"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { AttemptId, ChannelId } from "@mall/domain/payments/Payment"
import { PaymentGateway, PaymentId } from "@mall/domain/payments/PaymentGateway"
import { PaymentStore } from "@mall/payments/store/PaymentStore"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { CommandLine, decode } from "./CommandLine.ts"

const newPaymentId = generator(PaymentId)
const newAttemptId = generator(AttemptId)
const newUserId = generator(UserId)

const mall = (...args: ReadonlyArray<string>) => CommandLine.use((line) => line.mall(...args))

const aPayment = Effect.gen(function* () {
  const gateway = yield* PaymentGateway
  const id = yield* newPaymentId
  yield* gateway.create({
    id,
    payerId: yield* newUserId,
    amount: Money.of(1000, "CNY"),
    reference: `r-${id}`,
    description: "tea",
    expiresAt: new Date("2100-01-01")
  })
  return id
})

/** The channel's word, as a callback brings it. */
const capture = Effect.fnUntraced(function* (id: PaymentId) {
  const store = yield* PaymentStore
  const attemptId = yield* newAttemptId
  const channel = ChannelId.make("wechatpay")
  const decision = { by: "buyer", version: 0, rule: null, candidates: [], fallbackOf: null } as const
  yield* store.change(id, "test", (draft) =>
    Effect.sync(() => {
      const attempt = draft.begin(attemptId, { channel, method: "native", payer: {}, credentialId: null, decision })
      draft.succeed(attempt, { channelReference: `w-${id}`, paidAt: draft.context.now }, "paid")
    })
  )
  return attemptId
})

const payable = "platform:payable:CNY"

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "60 seconds" })("mall ledger", (it) => {
  it.effect("shows what a capture posted, in the transaction that says so", () =>
    Effect.gen(function* () {
      const id = yield* aPayment
      const attemptId = yield* capture(id)
      const { data } = yield* decode(TransferPage, yield* mall("ledger", "transfers", "--about", id, "--json"))
      assert.deepStrictEqual(
        data.map(({ id, purpose }) => [String(id), purpose]),
        [[attemptId, "capture"]]
      )
      const details = yield* decode(TransferDetails, yield* mall("ledger", "transfer", attemptId, "--json"))
      assert.deepStrictEqual(
        details.entries
          .map(({ account, creditsPosted, debitsPosted }) => `${account} ${debitsPosted} ${creditsPosted}`)
          .toSorted(),
        ["platform:clearing:wechatpay:CNY 1000 0", "platform:payable:CNY 0 1000"]
      )
      assert.include((yield* mall("ledger", "transfer", attemptId)).out, "not sealed yet")
      assert.include((yield* mall("ledger", "account", payable)).out, "1000 CNY")
      assert.strictEqual((yield* mall("ledger", "account", "platform:fees:CNY")).code, 1)
      assert.strictEqual((yield* mall("ledger", "account", "nonsense")).code, 2)
    })
  )

  it.effect("seals and verifies, and ends with 1 where a payment and the books differ, until it is filled in", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const Verified = Schema.Struct({ sealed: Schema.Int, payments: Schema.Int, differences: Schema.Int })
      assert.strictEqual((yield* mall("sweep", "run", "ledger_seals")).code, 0)
      const sound = yield* mall("ledger", "verify", "--json")
      assert.deepStrictEqual(
        [sound.code, yield* decode(Verified, sound)],
        [0, { sealed: 1, payments: 1, differences: 0 }]
      )

      // as payments were captured before there was a ledger
      const id = yield* aPayment
      yield* sql`UPDATE payments.intents SET status = 'succeeded', captured = amount, paid_at = now() WHERE id = ${id}`
      yield* sql`
        INSERT INTO payments.attempts (id, payment_id, channel, method, amount, currency, status, created_at, updated_at)
        SELECT ${yield* newAttemptId}, id, 'wechatpay', 'native', amount, currency, 'succeeded', now(), now()
        FROM payments.intents WHERE id = ${id}`
      const unsound = yield* mall("ledger", "verify")
      assert.strictEqual(unsound.code, 1)
      assert.include(unsound.err, `payment ${id} holds 1000, the ledger says nothing`)
      assert.strictEqual((yield* mall("ledger", "backfill")).out, "1 payments were posted.")
      assert.strictEqual((yield* mall("ledger", "backfill")).out, "0 payments were posted.")
      assert.strictEqual((yield* mall("ledger", "verify")).code, 0)
    })
  )

  it.effect("adjusts by hand with a reason, and marks what a spreadsheet would take for a formula", () =>
    Effect.gen(function* () {
      const from = "platform:adjustments:CNY"
      const act = ["ledger", "adjust", from, payable, "25", "--reason", "=HYPERLINK(1)"] as const
      const asked = yield* mall(...act)
      assert.strictEqual(asked.code, 2)
      const done = yield* decode(TransferDetails, yield* mall(...act, "--yes", "--json"))
      assert.deepStrictEqual([done.transfer.actor, done.transfer.reason], ["operator:olga", "=HYPERLINK(1)"])
      // as who repeats a command that was killed
      const again = [...act, "--yes", "--json", "--transfer-id", done.transfer.id]
      assert.deepStrictEqual(yield* decode(TransferDetails, yield* mall(...again)), done)
      const { out } = yield* mall("ledger", "statement", payable, "--csv")
      const lines = out.split("\n")
      assert.match(lines[0] ?? "", /^when,transfer,what,about,debit,credit,/)
      assert.strictEqual(lines.length, 4)
      assert.match(lines[3] ?? "", /,0,25,0,0,2025,'=HYPERLINK\(1\)$/)
      const page = yield* decode(StatementPage, yield* mall("ledger", "statement", payable, "--limit", "1", "--json"))
      assert.isNotNull(page.nextCursor)
      const overdraw = ["ledger", "adjust", "platform:wallet:b1:CNY", payable, "1", "--reason", "x", "--yes"] as const
      const refused = yield* mall(...overdraw)
      assert.strictEqual(refused.code, 1)
      assert.include(refused.err, "platform:wallet:b1:CNY")
    })
  )

  it.effect("shows accounts and both sides of the books, also of a time", () =>
    Effect.gen(function* () {
      const now = yield* decode(TrialBalance, yield* mall("ledger", "trial-balance", "--json"))
      assert.deepStrictEqual(
        now.totals.map(({ credits, currency, debits }) => `${currency} ${debits} ${credits}`),
        ["CNY 2025 2025"]
      )
      const before = yield* decode(
        TrialBalance,
        yield* mall("ledger", "trial-balance", "--at", "2020-01-01T00:00:00Z", "--json")
      )
      assert.isTrue(before.totals.every(({ credits, debits }) => credits === 0 && debits === 0))
      // a time without a zone would be another one on another machine
      for (const at of ["2020-01-01T00:00:00", "2020-01-01 00:00", "1/2/2020", "2020-02-30", "2020-02-30T00:00Z", ""]) {
        const unclear = yield* mall("ledger", "trial-balance", "--at", at)
        assert.deepStrictEqual([unclear.code, unclear.out], [2, ""], at)
      }
      for (const at of ["2020-01-01", "2020-02-29T23:59+08:00"]) {
        assert.strictEqual((yield* mall("ledger", "trial-balance", "--at", at)).code, 0, at)
      }
      const { data } = yield* decode(AccountPage, yield* mall("ledger", "accounts", "--kind", "payable", "--json"))
      assert.deepStrictEqual(
        data.map(({ code, balance }) => `${code} ${balance}`),
        [`${payable} 2025`]
      )
      assert.strictEqual((yield* mall("ledger", "accounts", "--csv")).out.split("\n").length, 5)
      const closed = yield* mall("ledger", "close", payable, "--reason", "done", "--yes")
      assert.deepStrictEqual([closed.code, closed.out], [1, ""])
    })
  )
})
