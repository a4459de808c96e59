import { assert, layer } from "@effect/vitest"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { unrestricted } from "@mall/domain/merchants/PaymentPolicy"
import type { PaymentPolicy } from "@mall/domain/merchants/PaymentPolicy"
import { ChannelId } from "@mall/domain/payments/Payment"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import { Cashier } from "../../src/cashier/Cashier.ts"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { PaymentOperations } from "../../src/lifecycle/PaymentOperations.ts"
import { Payments } from "../../src/lifecycle/Payments.ts"
import { agreedPolicies } from "../NoTerms.ts"
import {
  aMerchant,
  awaitStatus,
  cny,
  newOperationId,
  newRefundId,
  Peer,
  TestPayments,
  wechatpay
} from "../TestPayments.ts"

const alipay = ChannelId.make("alipay")

const agree = (merchant: Principal, policy: Partial<PaymentPolicy>) =>
  Effect.sync(() => agreedPolicies.set(Option.getOrThrow(merchant.merchantId), { ...unrestricted, ...policy }))

const aMerchantWith = (policy: Partial<PaymentPolicy>) => Effect.tap(aMerchant, (merchant) => agree(merchant, policy))

const ask = Effect.fnUntraced(function* (merchant: Principal, rest: object = {}) {
  const payments = yield* Payments
  const id = yield* newOperationId
  return yield* payments.create({ amount: cny(1000), reference: id, description: "tea", ...rest }, merchant, id)
})

const aPaidOne = Effect.fnUntraced(function* (merchant: Principal) {
  const { id } = yield* ask(merchant)
  const { attempt } = yield* Confirmations.use((all) => all.confirm(id, { channel: wechatpay }, merchant))
  yield* Peer.use((peer) => peer.pay(attempt.id))
  yield* awaitStatus(id, "succeeded")
  return id
})

const giveBack = Effect.fnUntraced(function* (
  merchant: Principal,
  id: Parameters<Payments["Service"]["refund"]>[0],
  amount?: number
) {
  const input = amount === undefined ? { reason: "broken" } : { amount: cny(amount), reason: "broken" }
  const operationId = yield* newOperationId
  return yield* Payments.use((payments) => payments.refund(id, input, merchant, operationId))
})

layer(TestPayments, { excludeTestServices: true })("a merchant's payment policy", (it) => {
  it.effect("refuses channels that are left out when the payment is made, and when it is confirmed", () =>
    Effect.gen(function* () {
      const merchant = yield* aMerchantWith({ channels: [alipay] })
      const made = yield* Effect.flip(ask(merchant, { channels: [alipay, wechatpay] }))
      assert.strictEqual(made._tag, "PaymentWayNotAllowed")
      const { id } = yield* ask(merchant)
      const confirmations = yield* Confirmations
      const refused = yield* Effect.flip(confirmations.confirm(id, { channel: wechatpay }, merchant))
      assert.strictEqual(refused._tag, "PaymentWayNotAllowed")
      if (refused._tag === "PaymentWayNotAllowed") assert.deepStrictEqual(refused.channels, [alipay])
      assert.lengthOf((yield* PaymentOperations.use((all) => all.show(id))).attempts, 0)
      assert.strictEqual((yield* confirmations.confirm(id, { channel: alipay }, merchant)).attempt.channel, alipay)
    })
  )

  it.effect("is what the router chooses by, and what the buyer's page offers", () =>
    Effect.gen(function* () {
      const merchant = yield* aMerchantWith({ channels: [alipay], methods: ["precreate"] })
      const { id, ticket } = yield* ask(merchant)
      const { stage } = yield* Cashier.use((cashier) => cashier.show(ticket, "a-browser", false))
      assert.deepStrictEqual(stage.type === "choose" ? stage.ways : [], [{ channel: alipay, method: "precreate" }])
      const confirmations = yield* Confirmations
      const { attempt } = yield* confirmations.confirm(id, {}, merchant)
      assert.deepStrictEqual([attempt.channel, attempt.method], [alipay, "precreate"])

      const none = yield* aMerchantWith({ methods: ["carrier_pigeon"] })
      const other = yield* ask(none)
      const nowhere = yield* Effect.flip(confirmations.confirm(other.id, {}, none))
      assert.strictEqual(nowhere._tag, "ChannelNotOffered")
      const page = yield* Cashier.use((cashier) => cashier.show(other.ticket, "a-browser", false))
      assert.deepStrictEqual(page.stage.type === "choose" ? page.stage.ways : undefined, [])
      const named = yield* Effect.flip(confirmations.confirm(other.id, { channel: wechatpay }, none))
      assert.strictEqual(named._tag, "PaymentWayNotAllowed")
    })
  )

  it.effect("lets a try go on that is under way, and begins no other by a way that was left out since", () =>
    Effect.gen(function* () {
      const merchant = yield* aMerchant
      const { id } = yield* ask(merchant)
      const confirmations = yield* Confirmations
      const first = yield* confirmations.confirm(id, { channel: wechatpay }, merchant)
      yield* agree(merchant, { channels: [wechatpay], methods: ["h5"] })
      const again = yield* confirmations.confirm(id, { channel: wechatpay, method: first.attempt.method }, merchant)
      assert.strictEqual(again.attempt.id, first.attempt.id)
      const other = yield* Effect.flip(confirmations.confirm(id, { channel: alipay }, merchant))
      assert.strictEqual(other._tag, "PaymentWayNotAllowed")
      // the try was not closed for what could not take its place
      const { attempts } = yield* PaymentOperations.use((all) => all.show(id))
      assert.deepStrictEqual(
        attempts.map(({ status }) => status),
        ["processing"]
      )
    })
  )

  it.effect("refuses a merchant's refund that is too old, a part or too much, and takes what is within", () =>
    Effect.gen(function* () {
      const merchant = yield* aMerchant
      const id = yield* aPaidOne(merchant)
      yield* agree(merchant, { partialRefunds: false })
      const part = yield* Effect.flip(giveBack(merchant, id, 400))
      assert.deepInclude(part, { _tag: "RefundAgainstPolicy", rule: "partial" })
      yield* agree(merchant, { refundPercent: 60 })
      assert.strictEqual((yield* giveBack(merchant, id, 400)).amount.amount, 400)
      const share = yield* Effect.flip(giveBack(merchant, id, 201))
      assert.strictEqual(share._tag === "RefundAgainstPolicy" ? share.atMost?.amount : undefined, 200)
      const sql = yield* SqlClient.SqlClient
      yield* agree(merchant, { refundDays: 30 })
      yield* sql`UPDATE payments.intents SET paid_at = now() - interval '30 days 1 minute' WHERE id = ${id}`
      const late = yield* Effect.flip(giveBack(merchant, id, 100))
      assert.strictEqual(late._tag === "RefundAgainstPolicy" ? late.rule : late._tag, "age")
      yield* sql`UPDATE payments.intents SET paid_at = now() - interval '29 days' WHERE id = ${id}`
      assert.strictEqual((yield* giveBack(merchant, id, 100)).amount.amount, 100)
    })
  )

  it.effect("answers a refund that was asked for before with what became of it, whatever the policy says since", () =>
    Effect.gen(function* () {
      const merchant = yield* aMerchant
      const id = yield* aPaidOne(merchant)
      const operationId = yield* newOperationId
      const again = Payments.use((all) => all.refund(id, { amount: cny(1), reason: "x" }, merchant, operationId))
      yield* again
      yield* agree(merchant, { refundPercent: 0 })
      assert.strictEqual((yield* again).amount.amount, 1)
    })
  )

  it.effect(
    "holds an operator who does not say otherwise, whose override is in the audit trail, and never the mall",
    () =>
      Effect.gen(function* () {
        const merchant = yield* aMerchantWith({})
        const id = yield* aPaidOne(merchant)
        yield* agree(merchant, { refundPercent: 0 })
        const operations = yield* PaymentOperations
        const input = { amount: cny(300), reason: "fair" }
        const refundId = yield* newRefundId
        const held = yield* Effect.flip(operations.refund(id, refundId, input, "user:olga"))
        assert.strictEqual(held._tag, "RefundAgainstPolicy")
        yield* operations.refund(id, refundId, { ...input, overridesPolicy: true }, "user:olga")
        const sql = yield* SqlClient.SqlClient
        const [act] = yield* sql`
        SELECT reason, after ->> 'overridden' AS overridden FROM platform.audit_entries
        WHERE action = 'payment.refund' AND after ->> 'refundId' = ${refundId}`
        assert.deepInclude(act, { reason: "fair", overridden: "share" })
        const gateway = yield* PaymentGateway
        yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(700), reason: "late" })
        yield* awaitStatus(id, "refunded")
      })
  )
})
