import type { Principal } from "@mall/domain/identity/CurrentUser"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { RefundId } from "@mall/domain/payments/PaymentGateway"
import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Option, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { PaymentOperations } from "../../src/lifecycle/PaymentOperations.ts"
import { Payments } from "../../src/lifecycle/Payments.ts"
import { applyRefund } from "../../src/lifecycle/channelTruth.ts"
import { Refunds } from "../../src/lifecycle/Refunds.ts"
import { PaymentStore } from "../../src/store/PaymentStore.ts"
import {
  aBuyer,
  aMerchant,
  aPayment,
  awaitStatus,
  cny,
  newOperationId,
  newRefundId,
  Peer,
  TestPayments,
  told,
  wechatpay
} from "../TestPayments.ts"

const aPaidPayment = Effect.fnUntraced(function* (amount = 1999) {
  const confirmations = yield* Confirmations
  const peer = yield* Peer
  const buyer = yield* aBuyer
  const { id } = yield* aPayment(buyer, amount)
  const { attempt } = yield* confirmations.confirm(id, { channel: wechatpay }, buyer)
  yield* peer.pay(attempt.id)
  yield* awaitStatus(id, "succeeded")
  return id
})

/** A payment that a merchant asked for, and got. */
const aSale = Effect.fnUntraced(function* (merchant: Principal) {
  const confirmations = yield* Confirmations
  const payments = yield* Payments
  const peer = yield* Peer
  const sale = yield* payments.create(
    { amount: cny(700), reference: "invoice-7", description: "a lamp" },
    merchant,
    yield* newOperationId
  )
  const { attempt } = yield* confirmations.confirm(sale.id, { channel: wechatpay }, merchant)
  yield* peer.pay(attempt.id)
  yield* awaitStatus(sale.id, "succeeded")
  return sale
})

/** Lets the sweep come to everything that is open until the refunds of the payment have ended. */
const sweepUntil = Effect.fnUntraced(function* (
  id: Parameters<PaymentOperations["Service"]["show"]>[0],
  status: string
) {
  const operations = yield* PaymentOperations
  const refunds = yield* Refunds
  const sql = yield* SqlClient.SqlClient
  const round = Effect.gen(function* () {
    // those that a notice is settling at this moment are left to the next round
    yield* sql`
      UPDATE payments.refunds SET next_query_at = '2020-01-01' WHERE id IN (
        SELECT id FROM payments.refunds WHERE payment_id = ${id} AND next_query_at IS NOT NULL FOR UPDATE SKIP LOCKED)`
    yield* refunds.sweep(50)
    return yield* operations.show(id)
  })
  return yield* round.pipe(
    Effect.repeat({ until: ({ payment }) => payment.status === status, schedule: Schedule.spaced("20 millis") }),
    Effect.timeout("10 seconds")
  )
})

layer(TestPayments, { excludeTestServices: true })("A refund", (it) => {
  it.effect("never passes what was captured, however many ask at once", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const id = yield* aPaidPayment(1000)
      const results = yield* Effect.all(
        Array.from({ length: 50 }, () =>
          Effect.flatMap(newRefundId, (refundId) =>
            gateway.refund({ id: refundId, paymentId: id, amount: cny(30), reason: "one of many" }).pipe(
              Effect.as("ok" as const),
              Effect.catchTag("RefundExceedsCapture", ({ refundable }) => Effect.succeed(refundable.amount))
            )
          )
        ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(results.filter((result) => result === "ok").length, 33)
      assert.deepStrictEqual(new Set(results.filter((result) => result !== "ok")), new Set([10]))
      const { payment, refunds } = yield* sweepUntil(id, "partially_refunded")
      assert.strictEqual(payment.refunded.amount, 990)
      assert.strictEqual(refunds.filter(({ status }) => status === "succeeded").length, 33)
      assert.strictEqual(yield* told("payment_refunded", id), 33)
    })
  )

  it.effect("with the same id is made once, at the same time and later", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const id = yield* aPaidPayment()
      const refundId = yield* newRefundId
      const ask = gateway.refund({ id: refundId, paymentId: id, amount: cny(1999), reason: "all of it" })
      yield* Effect.all(
        Array.from({ length: 10 }, () => ask),
        { concurrency: "unbounded" }
      )
      yield* awaitStatus(id, "refunded")
      yield* ask
      assert.strictEqual((yield* operations.show(id)).refunds.length, 1)
      assert.strictEqual(yield* told("payment_refunded", id), 1)
    })
  )

  it.effect("by the id of another payment's is refused, and both payments stay as they were", () =>
    Effect.gen(function* () {
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const store = yield* PaymentStore
      const [one, other] = [yield* aPaidPayment(), yield* aPaidPayment()]
      const refundId = yield* newRefundId
      yield* operations.refund(one, refundId, { amount: cny(300), reason: "late" }, "operator:olga")
      yield* awaitStatus(one, "partially_refunded")
      const asItWas = Effect.gen(function* () {
        assert.deepStrictEqual(
          (yield* operations.show(one)).refunds.map(({ status }) => status),
          ["succeeded"]
        )
        const { payment, refunds } = yield* operations.show(other)
        assert.deepStrictEqual([payment.status, refunds.length], ["succeeded", 0])
      })
      const ask = operations.refund(other, refundId, { amount: cny(300), reason: "late" }, "operator:olga")
      assert.strictEqual((yield* Effect.flip(ask))._tag, "RefundIdTaken")
      yield* asItWas
      // also where both were asked for at the same moment, so that neither was there yet
      const unchecked = store.change(other, "operator:olga", (draft) =>
        Effect.sync(() => {
          const attempt = draft.capturingAttempt
          if (attempt !== undefined) draft.requestRefund(attempt, refundId, cny(300), "late")
        })
      )
      assert.isTrue(Exit.hasDies(yield* Effect.exit(unchecked)))
      yield* asItWas
      yield* peer.reset
    })
  )

  for (const when of ["before", "after"]) {
    it.effect(`whose answer is lost ${when} the channel did it is asked about and happens once`, () =>
      Effect.gen(function* () {
        const gateway = yield* PaymentGateway
        const operations = yield* PaymentOperations
        const peer = yield* Peer
        const id = yield* aPaidPayment()
        yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
        yield* peer.fault("refund", { kind: "drop", when })
        yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(500), reason: "lost" })
        assert.deepStrictEqual(
          (yield* operations.show(id)).refunds.map(({ status }) => status),
          ["unknown"]
        )
        const { payment } = yield* sweepUntil(id, "partially_refunded")
        assert.strictEqual(payment.refunded.amount, 500)
        yield* peer.reset
      })
    )
  }

  it.effect("that a crash has left pending for longer than keys are kept is asked about before it is sent again", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const peer = yield* Peer
      const sql = yield* SqlClient.SqlClient
      const id = yield* aPaidPayment()
      yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
      yield* peer.fault("refund", { kind: "drop", when: "after" })
      yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(500), reason: "done, and not told" })
      yield* sql`
        UPDATE payments.refunds SET status = 'pending', error_code = NULL, created_at = created_at - interval '13 hours'
        WHERE payment_id = ${id}`
      // a channel that has forgotten the key would do it again
      yield* peer.fault("refund", { kind: "answer", with: "error", when: "before", status: 403, code: "NO_AUTH" }, 1000)
      const { payment, refunds } = yield* sweepUntil(id, "partially_refunded")
      assert.strictEqual(payment.refunded.amount, 500)
      assert.strictEqual(refunds[0]?.status, "succeeded")
      yield* peer.reset
    })
  )

  it.effect("that the channel refuses frees what it held and tells so", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const id = yield* aPaidPayment()
      yield* peer.fault("refund", {
        kind: "answer",
        with: "error",
        when: "before",
        status: 403,
        code: "USER_ACCOUNT_ABNORMAL"
      })
      yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(1999), reason: "refused" })
      const { payment, refunds } = yield* operations.show(id)
      assert.deepStrictEqual(
        [payment.status, refunds[0]?.status, refunds[0]?.errorCode],
        ["succeeded", "failed", "USER_ACCOUNT_ABNORMAL"]
      )
      assert.strictEqual(yield* told("payment_refunded", id), 1)
      yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(1999), reason: "again" })
      yield* awaitStatus(id, "refunded")
    })
  )

  it.effect("that the channel carries out after it gave it up is told as both", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const store = yield* PaymentStore
      const sql = yield* SqlClient.SqlClient
      const id = yield* aPaidPayment()
      const refundId = yield* newRefundId
      const refusal = { kind: "answer", with: "error", when: "before", status: 403, code: "USER_ACCOUNT_ABNORMAL" }
      yield* peer.fault("refund", refusal)
      yield* gateway.refund({ id: refundId, paymentId: id, amount: cny(1999), reason: "refused" })
      const { amount, currency } = cny(1999)
      const done = { _tag: "Refunded", amount, currency, account: {}, channelReference: "5030" } as const
      yield* store.change(id, "channel:wechatpay", (draft) =>
        Effect.sync(() => {
          const refund = draft.refund(refundId)
          if (refund !== undefined) applyRefund(draft, refund, { account: {} }, done)
        })
      )
      assert.strictEqual((yield* operations.show(id)).payment.status, "refunded")
      const rows = yield* sql<{ readonly outcome: string }>`
        SELECT element::jsonb -> 'message' ->> 'outcome' AS outcome FROM outbox
        WHERE queue_name = 'payment_refunded.trade' AND element::jsonb -> 'message' ->> 'refundId' = ${refundId}
        ORDER BY sequence`
      assert.deepStrictEqual(
        rows.map(({ outcome }) => outcome),
        ["failed", "succeeded"]
      )
    })
  )

  it.effect("for which the merchant's balance is too low waits and goes out later", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const id = yield* aPaidPayment()
      yield* peer.fault("refund", { kind: "answer", with: "error", when: "before", status: 403, code: "NOT_ENOUGH" })
      yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(1999), reason: "no balance" })
      assert.strictEqual((yield* operations.show(id)).refunds[0]?.status, "pending")
      yield* sweepUntil(id, "refunded")
    })
  )

  it.effect("of an unpaid payment is a conflict, of too much or another currency an error", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const { id } = yield* aPayment(yield* aBuyer)
      const refund = { paymentId: id, amount: cny(1), reason: "early" }
      const early = yield* Effect.flip(gateway.refund({ ...refund, id: yield* newRefundId }))
      assert.strictEqual(early._tag, "PaymentStateConflict")
      const paid = yield* aPaidPayment()
      const tooMuch = yield* Effect.flip(
        gateway.refund({ id: yield* newRefundId, paymentId: paid, amount: cny(2000), reason: "too much" })
      )
      assert.strictEqual(tooMuch._tag, "RefundExceedsCapture")
    })
  )

  it.effect("is for the merchant who asked for the payment, not for its payer or another merchant", () =>
    Effect.gen(function* () {
      const payments = yield* Payments
      const merchant = yield* aMerchant
      const created = yield* aSale(merchant)
      const stranger = yield* Effect.flip(
        payments.refund(created.id, { reason: "mine" }, yield* aMerchant, yield* newOperationId)
      )
      assert.strictEqual(stranger._tag, "PaymentNotFound")
      const operationId = yield* newRefundId
      const refund = yield* payments.refund(created.id, { reason: "broken" }, merchant, operationId)
      assert.strictEqual(refund.id, operationId)
      assert.strictEqual(refund.amount.amount, 700)
      const again = yield* payments.refund(created.id, { reason: "broken" }, merchant, operationId)
      assert.strictEqual(again.id, operationId)
      const { data } = yield* payments.listRefunds(created.id, {}, merchant)
      assert.strictEqual(data.length, 1)
      const hidden = yield* Effect.flip(payments.showRefund(created.id, refund.id, yield* aMerchant))
      assert.strictEqual(hidden._tag, "RefundNotFound")
    })
  )

  it.effect("reaches no payment of another merchant, even where nobody asks whose it is", () =>
    Effect.gen(function* () {
      const refunds = yield* Refunds
      const [ours, theirs] = [yield* aMerchant, yield* aMerchant]
      const sale = yield* aSale(theirs)
      const request = (id: RefundId) => ({
        ...{ id, paymentId: sale.id, amount: cny(100), reason: "not checked", actor: "test" },
        // the check that somebody forgot
        owns: () => true
      })
      const askedBy = (merchant: Principal, id: RefundId) =>
        refunds.request({ ...request(id), tenant: { merchantId: Option.getOrThrow(merchant.merchantId) } })
      const error = yield* Effect.flip(askedBy(ours, yield* newRefundId))
      assert.strictEqual(error._tag, "PaymentNotFound")
      const { payment, refunds: none } = yield* (yield* PaymentOperations).show(sale.id)
      assert.deepStrictEqual([payment.status, none.length], ["succeeded", 0])
      assert.strictEqual((yield* askedBy(theirs, yield* newRefundId)).amount, 100)
      // the platform itself is nobody's tenant: nothing but the tenant kept the first one out
      assert.strictEqual((yield* refunds.request(request(yield* newRefundId))).amount, 100)
    })
  )

  it.effect("that many merchants ask for at the same time is written by each within their own rows", () =>
    Effect.gen(function* () {
      const payments = yield* Payments
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE public.written (role text NOT NULL, merchant text, payment_id uuid NOT NULL)`
      yield* sql`GRANT INSERT ON public.written TO PUBLIC`
      yield* sql`
        CREATE FUNCTION public.note_written() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO public.written VALUES (current_user, current_setting('mall.tenant_merchant', true), NEW.payment_id);
          RETURN NEW;
        END $$`
      yield* sql`
        CREATE TRIGGER note_written AFTER INSERT ON payments.refunds FOR EACH ROW EXECUTE FUNCTION public.note_written()`
      const sales = yield* Effect.forEach([1, 2], () =>
        Effect.gen(function* () {
          const merchant = yield* aMerchant
          return { merchant, sale: yield* aSale(merchant) }
        })
      )
      const results = yield* Effect.forEach(
        Array.from({ length: 10 }, () => sales).flat(),
        ({ merchant, sale }) =>
          Effect.flatMap(newOperationId, (operationId) =>
            payments.refund(sale.id, { amount: cny(100), reason: "a part" }, merchant, operationId)
          ).pipe(
            Effect.as("given" as const),
            Effect.catchTag("RefundExceedsCapture", () => Effect.succeed("refused" as const))
          ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(results.filter((result) => result === "given").length, 14)
      const written = yield* sql`
        SELECT payment_id, role, merchant, count(*)::bigint AS count FROM public.written
        GROUP BY payment_id, role, merchant ORDER BY payment_id`
      assert.deepStrictEqual(
        written,
        sales
          .map(({ merchant, sale }) => ({
            paymentId: sale.id,
            role: "mall_pay_tenant",
            merchant: Option.getOrThrow(merchant.merchantId),
            count: 7
          }))
          .toSorted((a, b) => (a.paymentId < b.paymentId ? -1 : 1))
      )
      yield* sql`DROP TRIGGER note_written ON payments.refunds`
    })
  )
})
