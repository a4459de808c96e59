import { assert, layer } from "@effect/vitest"
import { CheckStatus, DoctorReport, ViolationDetails, ViolationPage } from "@mall/domain/operations/Doctor"
import { AccountFreeze } from "@mall/domain/ledger/AccountFreezes"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { aPayment, mall } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "120 seconds" })("mall doctor", (it) => {
  it.effect(
    "ends with 0 where all is as it has to be, and with 1 where something is not, until it is acknowledged",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { id } = yield* aPayment
        const sound = yield* mall("doctor", "--full")
        assert.deepStrictEqual([sound.code, sound.err], [0, ""])
        assert.match(sound.out, /payment_totals +ok +1 /)
        assert.notInclude(sound.out, "payment_channels")

        yield* Effect.andThen(
          sql`SET LOCAL session_replication_role = replica`,
          sql`UPDATE payments.intents SET status = 'succeeded', captured = amount, paid_at = now(), updated_at = now() WHERE id = ${id}`
        ).pipe(sql.withTransaction)
        const unsound = yield* mall("doctor", "--json")
        assert.strictEqual(unsound.code, 1)
        const report = yield* decode(DoctorReport, unsound)
        assert.deepStrictEqual(
          report.results.flatMap(({ check, found }) => (found > 0 ? [check] : [])),
          ["payment_books", "payment_totals"]
        )
        assert.include(unsound.err, "payment_books, payment_totals")

        const { data } = yield* decode(ViolationPage, yield* mall("doctor", "violations", "--open", "--json"))
        assert.deepStrictEqual(
          data.map(({ subject }) => subject.id),
          [id, id]
        )
        const of = (check: string) => data.find((violation) => violation.check === check)!.id
        const details = yield* decode(ViolationDetails, yield* mall("doctor", "show", of("payment_totals"), "--json"))
        assert.deepStrictEqual([details.violation.expected, details.violation.found], ["0 / 0 / 0", "5000 / 0 / 0"])
        assert.include(
          details.events.map(({ source }) => source),
          "payment history"
        )
        assert.include((yield* mall("doctor", "show", of("payment_totals"))).out, "What led to it, oldest first")
        for (const check of ["payment_books", "payment_totals"]) {
          const taken = yield* mall("doctor", "acknowledge", of(check), "--reason", "known")
          assert.include(taken.out, "operator:olga")
        }
        const known = yield* mall("doctor")
        assert.strictEqual(known.code, 0)
        assert.match(known.out, /payment_totals +acknowledged/)
        const statuses = yield* decode(Schema.Array(CheckStatus), yield* mall("doctor", "checks", "--json"))
        assert.strictEqual(statuses.find(({ name }) => name === "payment_totals")?.acknowledged, 1)
        assert.strictEqual((yield* mall("doctor", "--check", "nothing")).code, 1)
        assert.strictEqual((yield* mall("doctor", "--subject", id)).code, 1)
        assert.strictEqual((yield* mall("doctor", "show", "nonsense")).code, 2)
      })
  )

  it.effect("freezes and thaws accounts of the ledger with a reason", () =>
    Effect.gen(function* () {
      const [from, to] = ["platform:adjustments:CNY", "platform:payable:CNY"]
      const adjust = mall("ledger", "adjust", from, to, "5", "--reason", "goodwill", "--yes")
      assert.strictEqual((yield* adjust).code, 0)
      assert.strictEqual((yield* mall("ledger", "freeze", to, "--reason", "odd")).out, `${to} is frozen.`)
      assert.strictEqual((yield* mall("ledger", "freeze", to, "--reason", "odd")).out, `${to} was frozen already.`)
      const refused = yield* adjust
      assert.deepStrictEqual([refused.code, refused.err.includes("is frozen")], [1, true])
      assert.strictEqual((yield* mall("ledger", "thaw", to, "--reason", "fine")).code, 2)
      assert.strictEqual((yield* mall("ledger", "thaw", to, "--reason", "fine", "--yes")).out, `${to} is thawed.`)
      assert.strictEqual((yield* adjust).code, 0)
      const history = yield* decode(Schema.Array(AccountFreeze), yield* mall("ledger", "freezes", to, "--json"))
      assert.deepStrictEqual(
        history.map(({ frozenBy, reason, thawReason, thawedBy }) => [frozenBy, reason, thawedBy, thawReason]),
        [["operator:olga", "odd", "operator:olga", "fine"]]
      )
    })
  )
})
