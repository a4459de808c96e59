import { assert, layer } from "@effect/vitest"
import { AccountFreezes } from "@mall/domain/ledger/AccountFreezes"
import { Ledger } from "@mall/ledger/Ledger"
import { BankStatements } from "@mall/treasury/payouts/BankStatements"
import { PayoutBooks } from "@mall/treasury/payouts/PayoutBooks"
import { PayoutOutcomes } from "@mall/treasury/payouts/PayoutOutcomes"
import { PayoutRepo } from "@mall/treasury/payouts/PayoutRepo"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import {
  atBank,
  balance,
  banked,
  commandLineWith,
  control,
  fault,
  makeDue,
  mode,
  olga,
  read,
  reason,
  rich,
  send,
  settled,
  statusOf,
  transfersOf,
  withdraw
} from "./payouts.ts"

const outcomesLayer = PayoutOutcomes.layerNoDeps.pipe(
  Layer.provide(PayoutBooks.layerNoDeps),
  Layer.provide(PayoutRepo.layer)
)

const readStatements = BankStatements.use(({ read }) => read)

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

    it.effect(
      "sends money back to whoever's account is frozen or closed, and keeps nobody else's from coming back",
      () =>
        Effect.gen(function* () {
          const freezes = yield* AccountFreezes
          const ledger = yield* Ledger
          const owners = yield* Effect.forEach([1, 2, 3], () => rich(100))
          yield* Effect.forEach(owners, (owner) => banked(owner))
          const ids = yield* Effect.forEach(owners, (owner) => withdraw(owner, 100))
          yield* send
          yield* readStatements
          const [frozen, closed] = yield* Effect.all([Effect.fromNullishOr(owners[0]), Effect.fromNullishOr(owners[1])])
          yield* freezes.freeze(settled(frozen, "CNY"), { by: olga, reason, violation: null })
          yield* ledger.close(settled(closed, "CNY"), olga, reason)
          yield* Effect.forEach(ids, (id) => control(`/bank/transfers/${id}/return`))
          yield* readStatements
          assert.deepStrictEqual(yield* Effect.forEach(ids, statusOf), ["returned", "returned", "returned"])
          assert.deepStrictEqual(
            yield* Effect.forEach(owners, (owner) => balance(settled(owner, "CNY"))),
            [100, 100, 100]
          )
        })
    )

    it.effect("is not believed where it moved another amount or currency than it was asked to", () =>
      Effect.gen(function* () {
        const outcomes = yield* PayoutOutcomes
        const merchantId = yield* rich(1_000)
        yield* banked(merchantId)
        yield* mode("hold")
        const id = yield* withdraw(merchantId, 400)
        yield* send
        const told = { id, bankReference: "SB1", reason: null }
        const other = { amount: "40.00", currency: "CNY" }
        yield* outcomes.record({ ...told, state: "paid", moved: other }, olga)
        const { history, payout } = yield* read(id)
        assert.strictEqual(payout.status, "unknown")
        assert.strictEqual(history.at(-1)?.reason, "the bank: paid, but 40.00 CNY and not 4.00 CNY")
        yield* mode("execute")
        yield* outcomes.record({ ...told, state: "paid", moved: { amount: "4.00", currency: "CNY" } }, olga)
        for (const moved of [
          { amount: "3.00", currency: "CNY" },
          { amount: "4.00", currency: "EUR" }
        ]) {
          yield* outcomes.record({ ...told, state: "returned", moved }, olga)
        }
        assert.strictEqual(yield* statusOf(id), "paid")
        assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 600)
      }).pipe(Effect.provide(outcomesLayer))
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
