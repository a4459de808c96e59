import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { ChannelId } from "@mall/domain/payments/Payment"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Latch } from "effect"
import { SqlClient } from "effect/sql"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { Inquiries } from "../../src/lifecycle/Inquiries.ts"
import { PaymentOperations } from "../../src/lifecycle/PaymentOperations.ts"
import { aBuyer, aPayment, awaitStatus, Peer, TestPayments, told, wechatpay } from "../TestPayments.ts"

const choice = { channel: wechatpay }

/** Everything that is scheduled for later is due now. */
const makeDue = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE payments.attempts SET next_query_at = '2020-01-01' WHERE next_query_at IS NOT NULL`
})

layer(TestPayments, { excludeTestServices: true })("Confirming a payment", (it) => {
  it.effect("gives two callers at the same time one try and one action", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const operations = yield* PaymentOperations
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const steps = yield* Effect.all(
        Array.from({ length: 5 }, () => confirmations.confirm(id, choice, buyer)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(steps.map(({ attempt }) => attempt.id)).size, 1)
      for (const { action } of steps) assert.deepStrictEqual(action, steps[0]?.action)
      assert.strictEqual((yield* operations.show(id)).attempts.length, 1)
    })
  )

  it.effect("is for its payer and its merchant only", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const { id } = yield* aPayment(yield* aBuyer)
      const error = yield* Effect.flip(confirmations.confirm(id, choice, yield* aBuyer))
      assert.strictEqual(error._tag, "PaymentNotFound")
      const resumed = yield* Effect.flip(confirmations.resume(id, yield* aBuyer))
      assert.strictEqual(resumed._tag, "PaymentNotFound")
    })
  )

  it.effect("offers what there is where the channel or the method is not there", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const error = yield* Effect.flip(confirmations.confirm(id, { channel: ChannelId.make("nobody") }, buyer))
      assert.strictEqual(error._tag, "ChannelNotOffered")
      if (error._tag === "ChannelNotOffered") {
        assert.include(error.offered, wechatpay)
        assert.notInclude(error.offered, ChannelId.make("nobody"))
      }
      const other = yield* Effect.flip(confirmations.confirm(id, { ...choice, method: "app" }, buyer))
      assert.strictEqual(other._tag, "ChannelNotOffered")
    })
  )

  it.effect("that is declined answers so, and another try may follow", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      yield* peer.fault("create", { kind: "answer", with: "error", when: "before", status: 403, code: "RULE_LIMIT" })
      const error = yield* Effect.flip(confirmations.confirm(id, choice, buyer))
      assert.strictEqual(error._tag, "PaymentDeclined")
      assert.strictEqual((yield* operations.show(id)).payment.status, "failed")
      const step = yield* confirmations.confirm(id, choice, buyer)
      assert.strictEqual(step.action.type, "qr")
      assert.strictEqual(yield* peer.pay(step.attempt.id), 200)
      yield* awaitStatus(id, "succeeded")
      assert.deepStrictEqual(
        (yield* operations.show(id)).attempts.map(({ status }) => status),
        ["failed", "succeeded"]
      )
    })
  )

  it.effect("says that nothing was done where the channel is busy", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      yield* peer.fault("create", { kind: "answer", with: "429", when: "before" })
      const error = yield* Effect.flip(confirmations.confirm(id, choice, buyer))
      assert.strictEqual(error._tag, "ChannelUnavailable")
    })
  )

  for (const [what, fault] of [
    ["whose connection breaks after the order was made", { kind: "drop", when: "after" }],
    ["whose connection breaks before the order was made", { kind: "drop", when: "before" }],
    ["that answers 500", { kind: "answer", with: "500", when: "after" }],
    ["that answers half a JSON", { kind: "answer", with: "half", when: "after" }],
    ["that answers a page", { kind: "answer", with: "html", when: "before" }],
    ["that answers nothing", { kind: "answer", with: "empty", when: "after" }],
    ["whose signature is forged", { kind: "tamper", what: "signature" }],
    ["whose body was altered", { kind: "tamper", what: "body" }],
    ["whose key nobody knows", { kind: "tamper", what: "serial" }]
  ] as const) {
    it.effect(`through a channel ${what} guesses nothing, and goes on with the same try`, () =>
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const peer = yield* Peer
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        yield* peer.fault("create", fault)
        const lost = yield* confirmations.confirm(id, choice, buyer)
        assert.strictEqual(lost.attempt.status, "unknown")
        assert.strictEqual(lost.status, "processing")
        assert.deepStrictEqual(lost.action, { type: "none" })
        const found = yield* confirmations.confirm(id, choice, buyer)
        assert.strictEqual(found.attempt.id, lost.attempt.id)
        assert.strictEqual(found.action.type, "qr")
      })
    )
  }

  it.effect("is asked about without a lock, as long as nobody has paid", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const inquiries = yield* Inquiries
      const sql = yield* SqlClient.SqlClient
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      const [isHeld, isAsked] = [yield* Latch.make(), yield* Latch.make()]
      const holder = yield* sql`SELECT FROM payments.intents WHERE id = ${id} FOR UPDATE`.pipe(
        Effect.andThen(isHeld.open),
        Effect.andThen(isAsked.await),
        sql.withTransaction,
        Effect.forkChild
      )
      yield* isHeld.await
      yield* inquiries.tend(id, attempt.id)
      yield* isAsked.open
      yield* Fiber.join(holder)
    })
  )

  it.effect("whose outcome was lost is settled by the question, once, where the buyer has paid", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const inquiries = yield* Inquiries
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      yield* peer.fault("create", { kind: "drop", when: "after" })
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      // the notice of the payment is lost too
      yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
      assert.strictEqual(yield* peer.pay(attempt.id), 200)
      yield* peer.fault("query", { kind: "drop", when: "before" })
      assert.strictEqual((yield* Effect.flip(gateway.settle(id)))._tag, "PaymentUndecided")
      yield* makeDue
      yield* Effect.all([inquiries.sweep(50), inquiries.sweep(50), Effect.exit(gateway.settle(id))], {
        concurrency: "unbounded"
      })
      assert.strictEqual((yield* gateway.settle(id)).status, "succeeded")
      yield* peer.reset
      const { history } = yield* operations.show(id)
      assert.strictEqual(history.filter(({ toStatus }) => toStatus === "succeeded").length, 2)
      assert.strictEqual(yield* told("mark_order_paid", id), 1)
    })
  )

  for (const what of ["amount", "currency", "merchant", "reference"]) {
    it.effect(`is not believed paid where the channel's answer tells another ${what}`, () =>
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const gateway = yield* PaymentGateway
        const peer = yield* Peer
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        const { attempt } = yield* confirmations.confirm(id, choice, buyer)
        yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
        yield* peer.pay(attempt.id)
        yield* peer.fault("query", { kind: "tamper", what })
        assert.strictEqual((yield* Effect.flip(gateway.settle(id)))._tag, "PaymentUndecided")
        yield* peer.reset
        assert.strictEqual((yield* gateway.settle(id)).status, "succeeded")
      })
    )
  }

  it.effect(
    "taken up again closes the former try at the channel, so that only one can be paid (13.07, 14.07, 13.10 P2-1)",
    () =>
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const operations = yield* PaymentOperations
        const peer = yield* Peer
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        const first = yield* confirmations.confirm(id, choice, buyer)
        const second = yield* confirmations.resume(id, buyer)
        assert.notStrictEqual(second.attempt.id, first.attempt.id)
        assert.isAbove(yield* peer.pay(first.attempt.id), 399)
        assert.strictEqual(yield* peer.pay(second.attempt.id), 200)
        yield* awaitStatus(id, "succeeded")
        assert.deepStrictEqual(
          (yield* operations.show(id)).attempts.map(({ status }) => status),
          ["closed", "succeeded"]
        )
      })
  )

  it.effect("taken up again after the buyer has paid is a conflict, not a second payment (14.07)", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
      yield* peer.pay(attempt.id)
      const error = yield* Effect.flip(confirmations.resume(id, buyer))
      assert.strictEqual(error._tag, "PaymentStateConflict")
      yield* peer.reset
      yield* awaitStatus(id, "succeeded")
    })
  )

  it.effect("is over when its time is, and too late to take up when it is old (13.07, 13.10 P2-4)", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const sql = yield* SqlClient.SqlClient
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      yield* confirmations.confirm(id, choice, buyer)
      yield* sql`UPDATE payments.intents SET created_at = created_at - interval '31 minutes' WHERE id = ${id}`
      assert.strictEqual((yield* Effect.flip(confirmations.resume(id, buyer)))._tag, "ResumeWindowPassed")
      yield* sql`UPDATE payments.intents SET expires_at = '2020-01-01' WHERE id = ${id}`
      assert.strictEqual((yield* Effect.flip(confirmations.confirm(id, choice, buyer)))._tag, "PaymentExpired")
    })
  )

  it.effect("that a crash left before the channel was called goes on with the same number", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const peer = yield* Peer
      const sql = yield* SqlClient.SqlClient
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      yield* sql`UPDATE payments.attempts SET status = 'created', action = NULL WHERE id = ${attempt.id}`
      const again = yield* confirmations.confirm(id, choice, buyer)
      assert.strictEqual(again.attempt.id, attempt.id)
      assert.strictEqual(yield* peer.pay(again.attempt.id), 200)
      yield* awaitStatus(id, "succeeded")
    })
  )

  it.effect("that the channel never heard of fails once the request cannot be on its way any more", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const inquiries = yield* Inquiries
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const sql = yield* SqlClient.SqlClient
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      yield* peer.fault("create", { kind: "drop", when: "before" })
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      yield* Effect.exit(inquiries.tend(id, attempt.id))
      assert.strictEqual((yield* operations.show(id)).attempts[0]?.status, "unknown")
      yield* sql`UPDATE payments.attempts SET updated_at = updated_at - interval '2 minutes' WHERE id = ${attempt.id}`
      yield* inquiries.tend(id, attempt.id)
      const { attempts, payment } = yield* operations.show(id)
      assert.deepStrictEqual([attempts[0]?.status, payment.status], ["failed", "failed"])
    })
  )
})
