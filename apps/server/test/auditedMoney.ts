import { generator } from "@mall/domain/kernel/Id"
import { CheckoutId } from "@mall/domain/trade/Order"
import { RuleId } from "@mall/domain/risk/RiskRule"
import { BillDay } from "@mall/domain/treasury/Bill"
import { DifferenceId } from "@mall/domain/treasury/Difference"
import { RunId } from "@mall/domain/treasury/Run"
import { DateTime, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { drive, Mall, nothingFrom, wechatpay } from "./auditedMall.ts"
import { newBuyer, skusInStock } from "./shoppers.ts"

const newCheckoutId = generator(CheckoutId)
const newDifferenceId = generator(DifferenceId)
const newRunId = generator(RunId)
const reason = "because"

/** Payments in review are approved and rejected. */
export const driveReviews = Effect.gen(function* () {
  const { admin, url } = yield* Mall
  const buyer = yield* newBuyer(url, "audited-suspect")
  yield* admin.mall.risk.put({
    params: { id: RuleId.make("audited_suspect") },
    payload: {
      ...{ version: 0, name: "Under suspicion", score: 0, action: "review", mode: "live", reason },
      when: { type: "fact", fact: "user", is: "=", value: buyer.user.id }
    }
  })
  const items = (yield* skusInStock(buyer, 1)).map(({ id }) => ({ skuId: id, quantity: 1 }))
  const inReview = Effect.gen(function* () {
    const { payment } = yield* buyer.storefront.checkout({
      checkoutId: yield* newCheckoutId,
      request: { items, addressId: buyer.addressId }
    })
    yield* Effect.flip(
      buyer.mall.payments.confirm({ params: { id: payment.id }, payload: { channel: wechatpay, device: "audited" } })
    )
    const { data } = yield* admin.mall.risk.reviews({ query: { status: "open" } })
    return yield* Effect.fromNullishOr(data.find(({ paymentId }) => paymentId === payment.id))
  })
  const [first, second, third, fourth] = yield* Effect.all([inReview, inReview, inReview, inReview])
  const approve = admin.mall.risk.approve({ params: first, payload: { reason } })
  yield* drive("POST /api/v1/risk/reviews/:id/approve", admin, approve, { after: { status: "approved" } })
  yield* nothingFrom("what is approved already", approve)
  const reject = admin.mall.risk.reject({ params: second, payload: { reason } })
  yield* drive("POST /api/v1/risk/reviews/:id/reject", admin, reject, { after: { status: "rejected" } })
  yield* nothingFrom("what is rejected already", reject)
  yield* drive("rpc admin.risk.approve", admin, admin.admin["admin.risk.approve"]({ id: third.id, reason }))
  yield* drive("rpc admin.risk.reject", admin, admin.admin["admin.risk.reject"]({ id: fourth.id, reason }))
})

/** A day is reconciled, and a difference is assigned, drafted, rejected, drafted again, approved; another is resolved. */
export const driveDifferences = Effect.gen(function* () {
  const { admin } = yield* Mall
  const sql = yield* SqlClient.SqlClient
  const now = yield* DateTime.now
  const dayBefore = (days: number) => BillDay.make(DateTime.formatIsoDateUtc(DateTime.subtract(now, { days })))
  const { reconciliation } = admin.mall
  const recon = admin.admin

  const run = { channel: wechatpay, day: dayBefore(3) }
  yield* drive("POST /api/v1/reconciliation/runs", admin, reconciliation.run({ payload: run }))
  yield* drive("rpc admin.recon.run", admin, recon["admin.recon.run"]({ channel: wechatpay, day: dayBefore(4) }))

  const runId = yield* newRunId
  const at = DateTime.toDateUtc(now)
  yield* sql`
    INSERT INTO treasury.reconciliation_runs
      (id, channel, account, day, status, actor, asked_at, late_at, started_at, finished_at)
    VALUES (${runId}, 'alipay', 'audited', ${dayBefore(9)}::date, 'completed', 'test', ${at}, ${at}, ${at}, ${at})`
  const aDifference = Effect.fnUntraced(function* (reference: string) {
    const id = yield* newDifferenceId
    yield* sql`
      INSERT INTO treasury.differences (id, run_id, channel, account, day, class, kind, reference, occurrence, bill_amount,
        bill_currency, bill_state, excess, status, created_at, updated_at)
      VALUES (${id}, ${runId}, 'alipay', 'audited', ${dayBefore(9)}::date, 'missing_here', 'payment', ${reference}, 0, 500,
        'CNY', 'succeeded', 500, 'open', ${at}, ${at})`
    return id
  })
  /** Nobody approves what they drafted: it was somebody else. */
  const byAnother = (id: DifferenceId) =>
    sql`UPDATE treasury.corrections SET drafted_by = 'user:somebody' WHERE difference_id = ${id}`
  const decision = { reason }

  const id = yield* aDifference("audited-http")
  const params = { id }
  const assign = reconciliation.assign({ params, payload: { assignee: "olga" } })
  yield* drive("PUT /api/v1/reconciliation/differences/:id/assignment", admin, assign, { after: { assignee: "olga" } })
  const correction = "POST /api/v1/reconciliation/differences/:id/correction"
  const draft = reconciliation.draft({ params, payload: decision })
  yield* drive(correction, admin, draft, { before: { status: "open" }, after: { status: "drafted" } })
  yield* nothingFrom("a draft beside a draft", draft)
  yield* drive(`${correction}/reject`, admin, reconciliation.reject({ params, payload: decision }), {
    after: { status: "open" }
  })
  yield* draft
  const approve = reconciliation.approve({ params, payload: decision })
  yield* nothingFrom("who approves their own", approve)
  yield* byAnother(id)
  yield* drive(`${correction}/approve`, admin, approve, { after: { status: "resolved" } })
  const other = { id: yield* aDifference("audited-http-2") }
  const resolve = reconciliation.resolve({ params: other, payload: decision })
  yield* drive("POST /api/v1/reconciliation/differences/:id/resolve", admin, resolve, { after: { status: "resolved" } })
  yield* nothingFrom("what is resolved already", resolve)

  const byRpc = { id: yield* aDifference("audited-rpc"), ...decision }
  yield* drive("rpc admin.recon.assign", admin, recon["admin.recon.assign"]({ id: byRpc.id, note: "asked" }))
  yield* drive("rpc admin.recon.draft", admin, recon["admin.recon.draft"](byRpc))
  yield* drive("rpc admin.recon.reject", admin, recon["admin.recon.reject"](byRpc))
  yield* recon["admin.recon.draft"](byRpc)
  yield* byAnother(byRpc.id)
  yield* drive("rpc admin.recon.approve", admin, recon["admin.recon.approve"](byRpc))
  const last = { id: yield* aDifference("audited-rpc-2"), ...decision }
  yield* drive("rpc admin.recon.resolve", admin, recon["admin.recon.resolve"](last))
})
