import type { Principal } from "@mall/domain/identity/CurrentUser"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import type { AttemptId } from "@mall/domain/payments/Payment"
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { HttpClient } from "effect/http"
import { SqlClient } from "effect/sql"
import { toHexId } from "../src/channel/hexId.ts"
import { surplusCheck } from "../src/checks/surplusCheck.ts"
import { applyRefund } from "../src/lifecycle/channelTruth.ts"
import { Confirmations } from "../src/lifecycle/Confirmations.ts"
import { Inquiries } from "../src/lifecycle/Inquiries.ts"
import { PaymentOperations } from "../src/lifecycle/PaymentOperations.ts"
import { Refunds } from "../src/lifecycle/Refunds.ts"
import { PaymentStore } from "../src/store/PaymentStore.ts"
import { aBuyer, aPayment, awaitStatus, cny, newRefundId, Peer, TestPayments, told, wechatpay } from "./TestPayments.ts"

const choice = { channel: wechatpay }

/** As a crash leaves a try between the channel's answer and our commit. */
const forgetAnswer = Effect.fnUntraced(function* (id: AttemptId) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE payments.attempts SET status = 'created', action = NULL WHERE id = ${id}`
})

/** Our books hold the try as ended, whatever its channel took meanwhile. */
const endInBooks = Effect.fnUntraced(function* (id: AttemptId) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE payments.attempts SET status = 'failed', next_query_at = NULL WHERE id = ${id}`
})

/** The channel says that it took nothing, and did, so that another takes its place; both are paid. */
const payTwice = Effect.fnUntraced(function* (id: PaymentId, buyer: Principal, first: "wechatpay" | "alipay") {
  const confirmations = yield* Confirmations
  const inquiries = yield* Inquiries
  const operations = yield* PaymentOperations
  const peer = yield* Peer
  yield* peer.fault("create", { kind: "answer", with: "429", when: "after" })
  const step = yield* confirmations.confirm(id, {}, buyer)
  assert.strictEqual(step.attempt.channel, "alipay")
  // the order is made there when the buyer's browser comes
  if (step.action.type === "redirect") yield* HttpClient.get(step.action.url)
  const former = (yield* operations.show(id)).attempts.find(({ channel }) => channel === "wechatpay")
  assert.strictEqual(former?.status, "failed")
  const pays = {
    wechatpay: former === undefined ? Effect.void : peer.pay(former.id),
    // of this one we learn by the question
    alipay: Effect.andThen(
      peer.control("POST", `/alipay/orders/${toHexId(step.attempt.id)}/pay`),
      inquiries.tend(id, step.attempt.id)
    )
  }
  yield* pays[first]
  yield* awaitStatus(id, "succeeded")
  yield* pays[first === "alipay" ? "wechatpay" : "alipay"]
  return yield* operations.show(id).pipe(
    Effect.repeat({
      until: ({ refunds }) => refunds.some(({ reason }) => reason === "paid twice"),
      schedule: Schedule.spaced("10 millis")
    }),
    Effect.timeout("10 seconds")
  )
})

/** Nothing that other tests gave back is under way: it would be refused in the place of what is meant. */
const othersOver = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const refunds = yield* Refunds
  const open = sql`SELECT id FROM payments.refunds WHERE status NOT IN ('succeeded', 'failed')`
  yield* Effect.andThen(refunds.sweep(50), open).pipe(
    Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced("20 millis") }),
    Effect.timeout("10 seconds")
  )
})

layer(TestPayments, { excludeTestServices: true })("A try that ended before its channel answered", (it) => {
  for (const [what, fault] of [
    ["is busy now", { kind: "answer", with: "429", when: "before" }],
    ["refuses us now", { kind: "answer", with: "error", when: "before", status: 403, code: "NO_AUTH" }]
  ] as const) {
    it.effect(`leads to no other channel after a crash, where the channel ${what}`, () =>
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const operations = yield* PaymentOperations
        const peer = yield* Peer
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        const { attempt } = yield* confirmations.confirm(id, choice, buyer)
        yield* forgetAnswer(attempt.id)
        yield* peer.fault("create", fault)
        const error = yield* Effect.flip(confirmations.confirm(id, {}, buyer))
        assert.strictEqual(error._tag, "PaymentUndecided")
        assert.deepStrictEqual(
          (yield* operations.show(id)).attempts.map((tried) => [tried.id, tried.status]),
          [[attempt.id, "created"]]
        )
        // the same try goes on, and pays once
        const again = yield* confirmations.confirm(id, {}, buyer)
        assert.strictEqual(again.attempt.id, attempt.id)
        yield* peer.pay(attempt.id)
        yield* awaitStatus(id, "succeeded")
        assert.strictEqual(yield* told("mark_order_paid", id), 1)
      })
    )
  }

  it.effect("is closed at the channel where it is unpaid there", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const inquiries = yield* Inquiries
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      yield* endInBooks(attempt.id)
      yield* inquiries.bury(id, attempt.id, null)
      assert.isAbove(yield* peer.pay(attempt.id), 399)
    })
  )

  it.effect("is recorded where it was paid there, once however often it is asked about", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const inquiries = yield* Inquiries
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
      assert.strictEqual(yield* peer.pay(attempt.id), 200)
      yield* endInBooks(attempt.id)
      yield* Effect.all([inquiries.bury(id, attempt.id, null), inquiries.bury(id, attempt.id, null)], {
        concurrency: "unbounded"
      })
      yield* peer.reset
      assert.strictEqual((yield* gateway.find([id])).get(id)?.status, "succeeded")
      assert.strictEqual(yield* told("mark_order_paid", id), 1)
    })
  )

  it.effect("can be given back before its notice has come", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const refund = { id: yield* newRefundId, paymentId: id, amount: cny(1999), reason: "changed their mind" }
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      assert.strictEqual((yield* Effect.flip(gateway.refund(refund)))._tag, "PaymentStateConflict")
      yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
      yield* peer.pay(attempt.id)
      yield* gateway.refund(refund)
      yield* peer.reset
      const summary = (yield* gateway.find([id])).get(id)
      assert.include(["refunding", "refunded"], summary?.status)
    })
  )

  for (const first of ["wechatpay", "alipay"] as const) {
    it.effect(`and is paid beside the one that took its place leaves one payment, ${first} being paid first`, () =>
      Effect.gen(function* () {
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        const shown = yield* payTwice(id, buyer, first)
        assert.deepStrictEqual(
          shown.attempts.map(({ status }) => status),
          ["succeeded", "succeeded"]
        )
        assert.deepStrictEqual(
          shown.refunds.map(({ amount, reason }) => [amount.amount, reason]),
          [[1999, "paid twice"]]
        )
        assert.strictEqual(shown.payment.captured.amount, 1999)
        assert.strictEqual(yield* told("mark_order_paid", id), 1)
      })
    )
  }

  it.effect(
    "and is paid beside another, whose refund is refused, is found by the doctor and given back by an operator",
    () =>
      Effect.gen(function* () {
        const operations = yield* PaymentOperations
        const refunds = yield* Refunds
        const peer = yield* Peer
        const { look } = yield* surplusCheck
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        const findings = Effect.map(
          look({ selection: { type: "subjects", ids: [id] }, after: null, now: new Date() }),
          (looked) => looked.findings.map(({ found }) => found)
        )
        const giveBack = (surplus: boolean, amount?: number) =>
          Effect.flatMap(newRefundId, (refundId) => {
            const input = { reason: "once more", surplus, ...(amount === undefined ? {} : { amount: cny(amount) }) }
            return operations.refund(id, refundId, input, "operator:olga")
          })
        const sweepUntil = (statuses: ReadonlyArray<string>) =>
          Effect.andThen(refunds.sweep(50), operations.show(id)).pipe(
            Effect.repeat({
              until: ({ refunds }) =>
                refunds
                  .map(({ status }) => status)
                  .toSorted()
                  .join() === statuses.join(),
              schedule: Schedule.spaced("20 millis")
            }),
            Effect.timeout("10 seconds")
          )
        assert.strictEqual((yield* Effect.flip(giveBack(true)))._tag, "PaymentStateConflict")
        const refusal = { kind: "answer", with: "error", when: "before", status: 403, code: "USER_ACCOUNT_ABNORMAL" }
        yield* othersOver
        yield* peer.fault("refund", refusal)
        yield* payTwice(id, buyer, "alipay")
        yield* sweepUntil(["failed"])
        assert.deepStrictEqual(yield* findings, ["1999"])
        assert.strictEqual((yield* Effect.flip(giveBack(true, 1)))._tag, "RefundExceedsCapture")
        yield* giveBack(true)
        assert.deepStrictEqual(yield* findings, [])
        const { payment } = yield* sweepUntil(["failed", "succeeded"])
        assert.deepStrictEqual([payment.status, payment.refunded.amount], ["succeeded", 0])
        assert.strictEqual((yield* Effect.flip(giveBack(true)))._tag, "PaymentStateConflict")
      })
  )

  it.effect("is not given back twice unseen, where a refund that failed is carried out beside the next one", () =>
    Effect.gen(function* () {
      const operations = yield* PaymentOperations
      const refunds = yield* Refunds
      const store = yield* PaymentStore
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      yield* othersOver
      const refusal = { kind: "answer", with: "error", when: "before", status: 403, code: "USER_ACCOUNT_ABNORMAL" }
      yield* peer.fault("refund", refusal)
      yield* payTwice(id, buyer, "alipay")
      const [failed] = yield* Effect.andThen(refunds.sweep(50), operations.show(id)).pipe(
        Effect.map((shown) => shown.refunds),
        Effect.repeat({ until: ([first]) => first?.status === "failed", schedule: Schedule.spaced("20 millis") }),
        Effect.timeout("10 seconds")
      )
      const { amount, id: failedId } = yield* Effect.fromNullishOr(failed)
      const carriedOut = store.change(id, "channel:wechatpay", (draft) =>
        Effect.map(Effect.fromNullishOr(draft.refund(failedId)).pipe(Effect.orDie), (refund) =>
          applyRefund(
            draft,
            refund,
            { account: {} },
            {
              _tag: "Refunded",
              amount: amount.amount,
              currency: amount.currency,
              account: {},
              channelReference: "late"
            }
          )
        )
      )
      yield* operations.refund(id, yield* newRefundId, { reason: "once more", surplus: true }, "operator:olga")
      assert.strictEqual((yield* carriedOut).type, "mismatch")
      const statuses = (yield* operations.show(id)).refunds.map((refund) => [refund.id === failedId, refund.status])
      assert.deepInclude(statuses, [true, "failed"])
    })
  )
})
