import { RpcAuthorization } from "@mall/domain/identity/Authorization"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { PaymentsAdminRpcs } from "@mall/domain/payments/PaymentsAdminRpcs"
import { PaymentsStorefrontRpcs } from "@mall/domain/payments/PaymentsStorefrontRpcs"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { RpcMiddleware, RpcTest } from "effect/rpc"
import { Closing } from "../src/lifecycle/Closing.ts"
import * as PaymentRpcHandlers from "../src/PaymentRpcHandlers.ts"
import {
  aBuyer,
  aMerchant,
  anAdmin,
  aPayment,
  awaitStatus,
  newOperationId,
  newPaymentId,
  newRefundId,
  Peer,
  TestPayments,
  wechatpay
} from "./TestPayments.ts"

const asRpcUser = (principal: Principal) => ({
  headers: { authorization: `Bearer ${TestAuthorization.tokenOf(principal)}` }
})

const RpcSurface = Layer.mergeAll(PaymentRpcHandlers.storefrontLayer, PaymentRpcHandlers.adminLayer).pipe(
  Layer.provideMerge(TestAuthorization.layer),
  // each call carries its caller's token itself
  Layer.provideMerge(RpcMiddleware.layerClient(RpcAuthorization, ({ next, request }) => next(request))),
  Layer.provideMerge(TestPayments)
)

layer(RpcSurface, { excludeTestServices: true })("The RPC surface of payments", (it) => {
  it.effect("schedules that a payment is canceled: the payer's own, and for operators anybody's", () =>
    Effect.gen(function* () {
      const shop = yield* RpcTest.makeClient(PaymentsStorefrontRpcs)
      const desk = yield* RpcTest.makeClient(PaymentsAdminRpcs)
      const closing = yield* Closing
      const buyer = yield* aBuyer
      const admin = yield* anAdmin
      const { id } = yield* aPayment(buyer)
      const later = new Date("2099-03-01T12:00:00Z")
      const mine = asRpcUser(buyer)
      assert.deepStrictEqual((yield* shop["payments.scheduleCancel"]({ id, at: later }, mine)).cancelAt, later)
      assert.isNull((yield* shop["payments.scheduleCancel"]({ id, at: null }, mine)).cancelAt)
      for (const caller of [yield* aBuyer, yield* aMerchant]) {
        const hidden = yield* Effect.flip(shop["payments.scheduleCancel"]({ id, at: later }, asRpcUser(caller)))
        assert.strictEqual(hidden._tag, "PaymentNotFound")
      }
      const why = { reason: "ordered twice" }
      const forbidden = desk["admin.payments.scheduleCancel"]({ id, at: later, ...why }, mine)
      assert.strictEqual((yield* Effect.flip(forbidden))._tag, "Forbidden")
      const missing = desk["admin.payments.scheduleCancel"](
        { id: yield* newPaymentId, at: later, ...why },
        asRpcUser(admin)
      )
      assert.strictEqual((yield* Effect.flip(missing))._tag, "PaymentNotFound")
      yield* desk["admin.payments.scheduleCancel"]({ id, at: new Date("2020-01-01"), ...why }, asRpcUser(admin))
      yield* closing.sweep(50)
      const { history, payment } = yield* desk["admin.payments.show"]({ id }, asRpcUser(admin))
      assert.strictEqual(payment.status, "canceled")
      assert.deepInclude(history.at(-2), {
        actor: `user:${admin.userId}`,
        reason: "to be canceled at 2020-01-01T00:00:00Z: ordered twice"
      })
      assert.deepInclude(history.at(-1), { actor: `user:${admin.userId}`, reason: "canceled as scheduled" })
      const late = yield* Effect.flip(shop["payments.scheduleCancel"]({ id, at: null }, mine))
      assert.strictEqual(late._tag, "PaymentStateConflict")
    })
  )

  it.effect("serves the shop's front end and the operators from the same services", () =>
    Effect.gen(function* () {
      const shop = yield* RpcTest.makeClient(PaymentsStorefrontRpcs)
      const desk = yield* RpcTest.makeClient(PaymentsAdminRpcs)
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const admin = yield* anAdmin
      const { id } = yield* aPayment(buyer)
      const step = yield* shop["payments.confirm"]({ id, channel: wechatpay }, asRpcUser(buyer))
      yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
      yield* peer.pay(step.attempt.id)
      const forbidden = yield* Effect.flip(desk["admin.payments.query"]({ id }, asRpcUser(buyer)))
      assert.strictEqual(forbidden._tag, "Forbidden")
      const details = yield* desk["admin.payments.query"]({ id }, asRpcUser(admin))
      assert.strictEqual(details.payment.status, "succeeded")
      yield* peer.reset
      const looked = yield* shop["payments.status"]({ id, ticket: step.ticket })
      assert.strictEqual(looked.status, "succeeded")
      const refund = yield* desk["admin.payments.refund"](
        { id, refundId: yield* newRefundId, reason: "goodwill" },
        asRpcUser(admin)
      )
      assert.strictEqual(refund.amount.amount, 1999)
      yield* awaitStatus(id, "refunded")
      const { data } = yield* desk["admin.callbacks.list"]({ channel: "wechatpay" }, asRpcUser(admin))
      const [notice] = data
      assert.isDefined(notice)
      if (notice !== undefined) {
        const replayed = yield* desk["admin.callbacks.replay"]({ id: notice.id }, asRpcUser(admin))
        assert.deepStrictEqual([replayed.status, replayed.outcome], ["processed", "unchanged"])
      }
      const missing = yield* Effect.flip(desk["admin.callbacks.show"]({ id: yield* newOperationId }, asRpcUser(admin)))
      assert.strictEqual(missing._tag, "CallbackNotFound")
      const log = yield* desk["admin.payments.log"]({ id, limit: 100 }, asRpcUser(admin))
      assert.isTrue(log.data.some(({ kind, what }) => kind === "change" && what === "pending → processing"))
      assert.isNull(log.nextCursor)
      const { history } = yield* desk["admin.payments.show"]({ id }, asRpcUser(admin))
      assert.isTrue(history.some(({ actor }) => actor === `user:${admin.userId}`))
    })
  )
})
