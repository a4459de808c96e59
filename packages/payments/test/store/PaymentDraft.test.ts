import { Money } from "@mall/domain/kernel/Money"
import { AttemptId, ChannelId } from "@mall/domain/payments/Payment"
import { PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import { isOpenAttempt } from "@mall/domain/payments/PaymentLifecycle"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { applyPayment, applyRefund } from "../../src/lifecycle/channelTruth.ts"
import { PaymentDraft } from "../../src/store/PaymentDraft.ts"
import { IntentRow } from "../../src/store/PaymentRecord.ts"

const now = new Date("2026-11-20T10:00:00Z")
const amount = 1000
let counter = 0
const uuid = () => `01a1fb7c-4734-7253-be6d-${(++counter).toString(16).padStart(12, "0")}`

const channel = { id: ChannelId.make("wechatpay"), account: { mchid: "1" } }

const newDraft = () =>
  new PaymentDraft(
    {
      intent: new IntentRow({
        id: PaymentId.make(uuid()),
        merchantId: null,
        payerId: null,
        amount: Money.of(amount, "CNY").amount,
        currency: "CNY",
        captured: Money.of(0, "CNY").amount,
        refunded: Money.of(0, "CNY").amount,
        held: Money.of(0, "CNY").amount,
        status: "pending",
        reference: "r",
        description: "d",
        channels: null,
        metadata: {},
        returnUrl: null,
        expiresAt: now,
        cancelAt: null,
        paidAt: null,
        createdAt: now
      }),
      attempts: [],
      refunds: []
    },
    { now, actor: "test", traceId: null, refundId: RefundId.make(uuid()) }
  )

const Act = Schema.Literals([
  "begin",
  "offer",
  "lose",
  "decline",
  "paid",
  "paid late",
  "closed",
  "missing",
  "cancel",
  "refund",
  "refund done",
  "refund failed",
  "refund processing"
])

/** What services and channels may do in any order; each asks first what a service asks. */
const run = (acts: ReadonlyArray<typeof Act.Type>) => {
  const draft = newDraft()
  const attempts: Array<AttemptId> = []
  const refunds: Array<RefundId> = []
  const tell = (id: AttemptId | undefined, told: Parameters<typeof applyPayment>[3]) => {
    const attempt = id === undefined ? undefined : draft.attempt(id)
    if (attempt !== undefined) applyPayment(draft, attempt, channel, told, "told")
  }
  const paid = (id: AttemptId | undefined) =>
    tell(id, {
      _tag: "Paid",
      amount: Money.of(amount, "CNY").amount,
      currency: "CNY",
      account: { mchid: "1" },
      channelReference: `tx-${id}`,
      paidAt: now
    })
  const tellRefund = (told: Parameters<typeof applyRefund>[3]) => {
    const refund = draft.refund(refunds.at(-1) ?? RefundId.make(uuid()))
    if (refund !== undefined) applyRefund(draft, refund, channel, told)
  }
  for (const act of acts) {
    const open = draft.openAttempt
    switch (act) {
      case "begin":
        if (open === undefined && !draft.isOver && attempts.length < 3) {
          attempts.push(
            draft.begin(AttemptId.make(uuid()), {
              channel: channel.id,
              method: "native",
              payer: {},
              credentialId: null,
              decision: null
            }).id
          )
        }
        break
      case "offer":
        if (open !== undefined && open.status !== "processing")
          draft.offer(open, { action: { type: "none" }, channelReference: null }, "offered")
        break
      case "lose":
        if (open !== undefined && open.status !== "processing") draft.lose(open, "TIMEOUT")
        break
      case "decline":
        if (open !== undefined) draft.fail(open, "failed", "DECLINED")
        break
      case "paid":
        paid(attempts.at(-1))
        break
      case "paid late":
        // a second surplus would take the same refund id, which a transaction of its own never does
        if (draft.intent.captured === 0) paid(attempts[0])
        break
      case "closed":
        tell(attempts.at(-1), { _tag: "Closed" })
        break
      case "missing":
        tell(attempts.at(-1), { _tag: "Missing" })
        break
      case "cancel":
        if (open === undefined && !draft.isOver) draft.cancel("given up")
        break
      case "refund": {
        const capturing = draft.capturingAttempt
        const wanted = Money.of(300, "CNY")
        if (capturing !== undefined && !wanted.isAbove(draft.intent.refundable)) {
          refunds.push(draft.requestRefund(capturing, RefundId.make(uuid()), wanted, "asked").id)
        }
        break
      }
      case "refund done":
        tellRefund({
          _tag: "Refunded",
          amount: Money.of(300, "CNY").amount,
          currency: "CNY",
          account: {},
          channelReference: `rf-${refunds.at(-1)}`
        })
        break
      case "refund failed":
        tellRefund({ _tag: "Failed", code: "CLOSED" })
        break
      case "refund processing":
        tellRefund({ _tag: "Processing", channelReference: null })
        break
    }
  }
  return draft
}

describe("PaymentDraft", () => {
  it.prop(
    "keeps its books whatever happens in whatever order",
    { acts: Schema.Array(Act).check(Schema.isMaxLength(40)) },
    ({ acts }) => {
      const draft = run(acts)
      const { captured, held, refunded, status } = draft.intent
      assert.isAtLeast(refunded, 0)
      assert.isAtLeast(held, 0)
      assert.isAtMost(refunded + held, captured)
      assert.isTrue(captured === 0 || captured === amount)
      assert.strictEqual(
        captured > 0,
        ["succeeded", "refunding", "partially_refunded", "refunded"].includes(status),
        status
      )
      assert.isAtMost(draft.rowsOfAttempts().filter((attempt) => isOpenAttempt(attempt.status)).length, 1)
      assert.strictEqual(draft.facts.filter(({ type }) => type === "paid").length, captured > 0 ? 1 : 0)
      const done = draft.rowsOfRefunds().filter((refund) => !refund.surplus && refund.status === "succeeded")
      assert.strictEqual(
        done.reduce((sum, refund) => sum + refund.amount, 0),
        refunded
      )
    },
    { arbitrary: { runs: 500 } }
  )

  it("refuses a move that the lifecycle does not have", () => {
    const draft = newDraft()
    draft.cancel("given up")
    assert.throws(() => draft.cancel("again"), /cannot go from canceled to canceled/)
  })

  it("writes each change down with who made it and why", () => {
    const draft = run(["begin", "offer", "paid"])
    assert.deepStrictEqual(
      draft.history.map(({ actor, fromStatus, subject, toStatus }) => [actor, subject, fromStatus, toStatus]),
      [
        ["test", "attempt", null, "created"],
        ["test", "payment", "pending", "processing"],
        ["test", "attempt", "created", "processing"],
        ["test", "attempt", "processing", "succeeded"],
        ["test", "payment", "processing", "succeeded"]
      ]
    )
  })
})
