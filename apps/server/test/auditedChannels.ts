import { Money } from "@mall/domain/kernel/Money"
import { generator } from "@mall/domain/kernel/Id"
import { ChannelId } from "@mall/domain/payments/Payment"
import { ReturnId } from "@mall/domain/trade/Return"
import { Effect, Redacted } from "effect"
import { drive, Mall, nothingFrom, paidOrder } from "./auditedMall.ts"
import { eventually, newBuyer, sandboxAt } from "./shoppers.ts"

const newReturnId = generator(ReturnId)
const stripe = ChannelId.make("stripe")
const paypal = ChannelId.make("paypal")
const reason = "because"
const evidence = { kind: "product_description", text: "Two shirts" } as const

/** A payment by card to the demo merchant, which its buyer's bank wants back. */
const disputed = Effect.fnUntraced(function* (reference: string) {
  const { merchant, sandboxUrl } = yield* Mall
  const sandbox = sandboxAt(sandboxUrl)
  const payload = { amount: Money.of(5_000, "USD"), reference, description: "shirts", channels: [stripe] as const }
  const { id } = yield* merchant.mall.payments.create({ payload })
  const step = yield* merchant.mall.payments.confirm({ params: { id }, payload: { channel: stripe, method: "card" } })
  const order = `stripe/orders/${step.attempt.id.replaceAll("-", "")}`
  yield* sandbox.act(`${order}/pay`)
  const show = merchant.mall.payments.show({ params: { id } })
  yield* eventually(show, ({ status }) => status === "succeeded", "the payment to succeed")
  yield* sandbox.act(`${order}/disputes`, { reason: "product_not_received" })
  const { data } = yield* eventually(
    merchant.mall.disputes.list({ query: { limit: 50 } }),
    ({ data }) => data.some(({ paymentId }) => paymentId === id),
    "the bank's notice"
  )
  return yield* Effect.fromNullishOr(data.find(({ paymentId }) => paymentId === id))
})

/** Disputes are answered and given up: by the merchant over HTTP and by RPC, and by operators. */
export const driveDisputes = Effect.gen(function* () {
  const { admin, merchant } = yield* Mall
  const { disputes } = merchant.mall
  const path = "POST /api/v1/payments/disputes/:id"
  const params = yield* disputed("audited-dispute-1")
  yield* drive(`${path}/evidence`, merchant, disputes.addEvidence({ params, payload: evidence }))
  const submit = disputes.submit({ params })
  yield* drive(`${path}/submit`, merchant, submit)
  yield* nothingFrom("what the bank has", disputes.addEvidence({ params, payload: evidence }))
  const other = yield* disputed("audited-dispute-2")
  yield* drive(`${path}/accept`, merchant, disputes.accept({ params: other }))

  for (const [prefix, by] of [
    ["disputes", merchant],
    ["admin.disputes", admin]
  ] as const) {
    const { id } = yield* disputed(`audited-${prefix}-1`)
    const given = { id: (yield* disputed(`audited-${prefix}-2`)).id }
    const isAdmin = prefix === "admin.disputes"
    const add = { id, evidence }
    const calls = isAdmin
      ? {
          add: admin.admin["admin.disputes.addEvidence"](add),
          submit: admin.admin["admin.disputes.submit"]({ id }),
          accept: admin.admin["admin.disputes.accept"](given)
        }
      : {
          add: merchant.merchant["disputes.addEvidence"](add),
          submit: merchant.merchant["disputes.submit"]({ id }),
          accept: merchant.merchant["disputes.accept"](given)
        }
    yield* drive(`rpc ${prefix}.addEvidence`, by, calls.add)
    if (isAdmin) yield* drive("rpc admin.disputes.sync", admin, admin.admin["admin.disputes.sync"]({ id }))
    yield* drive(`rpc ${prefix}.submit`, by, calls.submit)
    yield* drive(`rpc ${prefix}.accept`, by, calls.accept)
  }
})

const account = (clientId: string) =>
  Redacted.make(
    { clientId, clientSecret: "a-secret-of-the-merchant", merchantId: "AUDITED1234", webhookId: "WH-AUDITED" },
    { label: "credentials" }
  )

/** A merchant's own account at a channel comes, changes and goes. */
export const driveCredentials = Effect.gen(function* () {
  const { admin, merchant } = yield* Mall
  const { merchantId: own } = yield* merchant.storefront["account.me"]()
  const merchantId = yield* Effect.fromNullishOr(own)
  const rpc = merchant.merchant
  const removal = { channel: paypal, reason }
  const first = yield* drive(
    "rpc credentials.set",
    merchant,
    rpc["credentials.set"]({ ...removal, credentials: account("audited-1") })
  )
  yield* drive("rpc credentials.remove", merchant, rpc["credentials.remove"](removal))
  yield* nothingFrom("what is not there", rpc["credentials.remove"](removal))
  const again = { merchantId, ...removal, credentials: account("audited-2") }
  yield* drive("rpc admin.credentials.set", admin, admin.admin["admin.credentials.set"](again))
  yield* drive(
    "rpc admin.credentials.remove",
    admin,
    admin.admin["admin.credentials.remove"]({ merchantId, ...removal })
  )
  const retire = admin.admin["admin.credentials.retire"]({ id: first.id, reason })
  yield* drive("rpc admin.credentials.retire", admin, retire)
})

/** Goods come back: the return is rejected, or the channel refuses the refund and is asked again. Data of a person is read. */
export const driveReturns = Effect.gen(function* () {
  const { admin, merchant, sandboxUrl, url } = yield* Mall
  const { merchantId } = yield* merchant.storefront["account.me"]()
  const buyer = yield* newBuyer(url, "audited-returner")
  const sandbox = sandboxAt(sandboxUrl)
  const rpc = merchant.merchant
  const delivered = Effect.gen(function* () {
    const order = yield* paidOrder(buyer, sandboxUrl, merchantId)
    yield* rpc["orders.ship"]({ id: order.id, shipment: { carrier: "SF", trackingNumber: "SF1" } })
    yield* rpc["orders.deliver"]({ id: order.id })
    const goods = { lines: [{ skuId: order.lines[0]!.skuId, quantity: 1 }], reason: "worn" }
    const returnId = yield* newReturnId
    yield* buyer.storefront["returns.request"]({ id: order.id, returnId, goods })
    return { id: order.id, returnId }
  })
  const rejected = yield* delivered
  const reject = rpc["returns.reject"]({ ...rejected, rejection: { reason: "not ours" } })
  yield* drive("rpc returns.reject", merchant, reject, { after: { status: "rejected" } })
  yield* nothingFrom("what is rejected already", reject)
  yield* drive("rpc orders.unmask", admin, admin.admin["orders.unmask"]({ id: rejected.id, reason }))
  yield* drive("rpc users.unmask", admin, admin.admin["users.unmask"]({ userId: buyer.user.id, reason }))

  /** Received, while the channel refuses the refund. */
  const failed = Effect.gen(function* () {
    const ids = yield* delivered
    yield* rpc["returns.approve"](ids)
    const refusal = { kind: "answer", with: "error", when: "before", status: 400, code: "INVALID_REQUEST" }
    yield* sandbox.fault({ channel: "wechatpay", operation: "refund", fault: refusal })
    yield* rpc["returns.receive"]({ ...ids, receipt: { restock: false } })
    const params = { id: ids.id, returnId: ids.returnId }
    yield* eventually(
      buyer.mall.returns.get({ params }),
      ({ refundFailure }) => refundFailure !== null,
      "the refund to fail"
    )
    yield* sandbox.clearFaults
    return ids
  })
  const params = yield* failed
  const again = merchant.mall.returns.refundAgain({ params })
  yield* drive("POST /api/v1/orders/:id/returns/:returnId/refund", merchant, again)
  yield* nothingFrom("what is refunded", again)
  yield* drive("rpc returns.refundAgain", merchant, rpc["returns.refundAgain"](yield* failed))
})
