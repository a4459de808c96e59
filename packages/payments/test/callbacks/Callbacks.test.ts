import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { assert, layer } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { HttpClient } from "effect/http"
import { SqlClient } from "effect/sql"
import { generateKeyPairSync, randomUUID } from "node:crypto"
import { CallbackId, CallbackInbox } from "../../src/callbacks/CallbackInbox.ts"
import { Callbacks } from "../../src/callbacks/Callbacks.ts"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { PaymentOperations } from "../../src/lifecycle/PaymentOperations.ts"
import { envelope, paidOrder, seal, signer } from "../Signer.ts"
import { aBuyer, aPayment, awaitStatus, Peer, TestPayments, told, wechatpay } from "../TestPayments.ts"

/** A payment whose buyer has the QR code on the screen. */
const aConfirmedPayment = Effect.gen(function* () {
  const confirmations = yield* Confirmations
  const buyer = yield* aBuyer
  const { id } = yield* aPayment(buyer)
  const { attempt } = yield* confirmations.confirm(id, { channel: wechatpay }, buyer)
  return { id, attemptId: attempt.id, buyer }
})

const statusOf = Effect.fnUntraced(function* (id: Parameters<PaymentOperations["Service"]["show"]>[0]) {
  const operations = yield* PaymentOperations
  return (yield* operations.show(id)).payment.status
})

const securityEvents = Effect.fnUntraced(function* (kind: string) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ count: number }>`
    SELECT count(*) AS count FROM payments.security_events WHERE kind = ${kind}`
  return row?.count ?? 0
})

/** How often the metric was counted for WeChat Pay, for a reason where it has one. */
const counted = (id: string, reason?: string) =>
  Effect.map(Metric.snapshot, (all) =>
    all
      .filter((metric) => metric.id === id && metric.attributes?.["channel"] === "wechatpay")
      .filter(({ attributes }) => reason === undefined || attributes?.["reason"] === reason)
      .reduce((sum, { state }) => sum + ("count" in state ? Number(state.count) : 0), 0)
  )

layer(TestPayments, { excludeTestServices: true })("A channel's notice", (it) => {
  it.effect("pays the payment once, though it comes twenty times at once, each sealed anew (13.04, 13.10 P0-3)", () =>
    Effect.gen(function* () {
      const { attemptId, id } = yield* aConfirmedPayment
      const { tellPaid } = yield* signer
      const callbacks = yield* Callbacks
      const eventId = randomUUID()
      const answers = yield* Effect.all(
        Array.from({ length: 20 }, () => tellPaid(attemptId, 1999, { eventId })),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(answers.map(({ status }) => status)), new Set([204]))
      yield* callbacks.drained
      const operations = yield* PaymentOperations
      const { history, payment } = yield* operations.show(id)
      assert.strictEqual(payment.status, "succeeded")
      assert.strictEqual(payment.captured.amount, 1999)
      assert.strictEqual(history.filter(({ toStatus }) => toStatus === "succeeded").length, 2)
      assert.strictEqual(yield* told("mark_order_paid", id), 1)
    })
  )

  it.effect("changes nothing when other events tell the same payment again, at once and later (14.04)", () =>
    Effect.gen(function* () {
      const { attemptId, id } = yield* aConfirmedPayment
      const { tellPaid } = yield* signer
      const callbacks = yield* Callbacks
      yield* Effect.all(
        Array.from({ length: 10 }, () => tellPaid(attemptId, 1999)),
        { concurrency: "unbounded" }
      )
      yield* callbacks.drained
      yield* tellPaid(attemptId, 1999)
      yield* callbacks.drained
      const operations = yield* PaymentOperations
      const { callbacks: notices, history } = yield* operations.show(id)
      assert.strictEqual(notices.length, 11)
      assert.strictEqual(notices.filter(({ outcome }) => outcome === "over").length, 1)
      assert.strictEqual(history.filter(({ toStatus }) => toStatus === "succeeded").length, 2)
      assert.strictEqual(yield* told("mark_order_paid", id), 1)
    })
  )

  it.effect("is believed a day after the payment, for its own timestamp is new (13.03, 14.02)", () =>
    Effect.gen(function* () {
      const { attemptId, id } = yield* aConfirmedPayment
      const { tellPaid } = yield* signer
      const { status } = yield* tellPaid(attemptId, 1999, { changes: { success_time: "2020-01-01T00:00:00+08:00" } })
      assert.strictEqual(status, 204)
      yield* awaitStatus(id, "succeeded")
    })
  )

  for (const [what, changes] of [
    ["amount", { amount: { total: 1, payer_total: 1, currency: "CNY" } }],
    ["currency", { amount: { total: 1999, payer_total: 1999, currency: "USD" } }],
    ["merchant", { mchid: "1999999999" }],
    ["appid", { appid: "wx0000000000000000" }]
  ] as const) {
    it.effect(`with another ${what} is parked, reported and pays nothing (14.03)`, () =>
      Effect.gen(function* () {
        const { attemptId, id } = yield* aConfirmedPayment
        const { tellPaid } = yield* signer
        const callbacks = yield* Callbacks
        const before = yield* securityEvents("payment_mismatch")
        assert.strictEqual((yield* tellPaid(attemptId, 1999, { changes })).status, 204)
        yield* callbacks.drained
        const operations = yield* PaymentOperations
        const { callbacks: notices, payment } = yield* operations.show(id)
        assert.strictEqual(payment.status, "processing")
        assert.strictEqual(payment.captured.amount, 0)
        assert.deepStrictEqual(
          notices.map(({ outcome, status }) => [status, outcome]),
          [["parked", "payment_mismatch"]]
        )
        assert.strictEqual(yield* securityEvents("payment_mismatch"), before + 1)
      })
    )
  }

  it.effect("about an order nobody made is parked", () =>
    Effect.gen(function* () {
      const { tellPaid } = yield* signer
      const callbacks = yield* Callbacks
      const before = yield* securityEvents("callback_unknown_order")
      assert.strictEqual((yield* tellPaid("01a1fb7c-4734-7253-be6d-a0440636703b", 1999)).status, 204)
      yield* callbacks.drained
      assert.strictEqual(yield* securityEvents("callback_unknown_order"), before + 1)
    })
  )

  it.effect("played back byte by byte is refused and reported (13.01 replay, 13.10 P2-8)", () =>
    Effect.gen(function* () {
      const { attemptId, id } = yield* aConfirmedPayment
      const { identity, post } = yield* signer
      const sending = seal(identity, envelope(identity, paidOrder(identity, attemptId, 1999)))
      const before = yield* securityEvents("callback_replayed")
      assert.strictEqual((yield* post(sending)).status, 204)
      const again = yield* post(sending)
      assert.strictEqual(again.status, 401)
      assert.include(again.body, `"code":"FAIL"`)
      assert.strictEqual(yield* securityEvents("callback_replayed"), before + 1)
      yield* awaitStatus(id, "succeeded")
    })
  )

  it.effect(
    "that is forged, altered, stale, early, of an unknown key or unreadable is refused and leaves no trace (13.01 MITM, 13.10 P0-1, 13.10 P0-2)",
    () =>
      Effect.gen(function* () {
        const { attemptId, id } = yield* aConfirmedPayment
        const { identity, post } = yield* signer
        const sql = yield* SqlClient.SqlClient
        const body = envelope(identity, paidOrder(identity, attemptId, 1999))
        const genuine = seal(identity, body)
        const now = Math.floor(Number(genuine.headers["wechatpay-timestamp"]))
        const { privateKey } = generateKeyPairSync("rsa", {
          modulusLength: 2048,
          privateKeyEncoding: { type: "pkcs8", format: "pem" },
          publicKeyEncoding: { type: "spki", format: "pem" }
        })
        const { "wechatpay-signature": _, ...unsigned } = genuine.headers
        const refused: ReadonlyArray<readonly [number, Parameters<typeof post>[0]]> = [
          [401, seal({ ...identity, platformPrivateKeyPem: privateKey }, body)],
          [401, { ...genuine, body: body.replace("encrypt-resource", "encrypt-resourcE") }],
          [401, { ...genuine, body: body.slice(0, -10) }],
          [401, { ...genuine, headers: { ...genuine.headers, "wechatpay-nonce": "another" } }],
          [401, { ...genuine, headers: { ...genuine.headers, "wechatpay-timestamp": String(now + 1) } }],
          [401, { ...genuine, headers: { ...genuine.headers, "wechatpay-signature": "WECHATPAY/SIGNTEST/abc" } }],
          [401, { ...genuine, headers: { ...genuine.headers, "wechatpay-signature-type": "NONE" } }],
          [401, { ...genuine, headers: unsigned }],
          [401, seal(identity, body, { timestamp: now - 301 })],
          [401, seal(identity, body, { timestamp: now + 360 })],
          [401, seal(identity, body, { serial: "PUB_KEY_ID_0000000000000000000000" })],
          [400, seal(identity, body.slice(0, -10))],
          [400, seal(identity, "")],
          [400, seal(identity, "[]")],
          [400, seal(identity, `{"__proto__":{"id":"x"},"id":"x"}`)],
          [400, seal(identity, envelope(identity, paidOrder(identity, attemptId, 1999), { key: "0".repeat(32) }))],
          [400, seal(identity, envelope(identity, { out_trade_no: 1 }))],
          [400, seal(identity, envelope(identity, paidOrder(identity, attemptId, 1999, { transaction_id: "\u0000" })))]
        ]
        for (const [status, sending] of refused) {
          const answer = yield* post(sending)
          assert.strictEqual(answer.status, status, JSON.stringify(sending.headers))
          assert.include(answer.body, `"code":"FAIL"`)
        }
        const stored = yield* sql`SELECT id FROM payments.callback_inbox WHERE notice::text LIKE ${`%${attemptId}%`}`
        assert.strictEqual(stored.length, 0)
        assert.strictEqual(yield* statusOf(id), "processing")
      })
  )

  it.effect("that is refused is reported once, by why, in a row and in the metrics", () =>
    Effect.gen(function* () {
      const { attemptId } = yield* aConfirmedPayment
      const { identity, post } = yield* signer
      const sql = yield* SqlClient.SqlClient
      const body = envelope(identity, paidOrder(identity, attemptId, 1999))
      const genuine = seal(identity, body)
      const now = Math.floor(Number(genuine.headers["wechatpay-timestamp"]))
      const rows = Effect.map(
        sql<{ reason: string }>`
          SELECT details->>'reason' AS reason FROM payments.security_events
          WHERE kind IN ('callback_refused', 'callback_replayed') AND channel = 'wechatpay' ORDER BY id`,
        (found) => found.map(({ reason }) => reason)
      )
      yield* post(genuine)
      const cases: ReadonlyArray<readonly [string, number, Parameters<typeof post>[0]]> = [
        ["signature", 1, { ...genuine, body: body.slice(0, -10) }],
        ["serial", 1, seal(identity, body, { serial: "PUB_KEY_ID_0000000000000000000000" })],
        ["timestamp", 0, seal(identity, body, { timestamp: now - 301 })],
        ["malformed", 0, seal(identity, "[]")],
        ["replayed", 0, genuine],
        ["too_large", 0, seal(identity, "x".repeat(70_000))]
      ]
      for (const [reason, failures, sending] of cases) {
        const before = yield* Effect.all([
          rows,
          counted("payment_callback_refused", reason),
          counted("payment_signature_failure")
        ])
        yield* post(sending)
        const after = yield* Effect.all([
          rows,
          counted("payment_callback_refused", reason),
          counted("payment_signature_failure")
        ])
        assert.deepStrictEqual(after, [[...before[0], reason], before[1] + 1, before[2] + failures])
      }
    })
  )

  it.effect("that tells what was told before is acknowledged and counted", () =>
    Effect.gen(function* () {
      const { attemptId } = yield* aConfirmedPayment
      const { tellPaid } = yield* signer
      const eventId = randomUUID()
      yield* tellPaid(attemptId, 1999, { eventId })
      const before = yield* counted("payment_callback_duplicate")
      assert.strictEqual((yield* tellPaid(attemptId, 1999, { eventId })).status, 204)
      assert.strictEqual(yield* counted("payment_callback_duplicate"), before + 1)
    })
  )

  it.effect("that fails is tried again after 15 s, and then after twice as long each time, up to a day", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const inbox = yield* CallbackInbox
      const id = CallbackId.make("01a1fb7c-4734-7253-be6d-a0440636703c")
      const start = new Date("2020-01-01T00:00:00Z")
      const notice = { _tag: "OtherNotice", about: "a test" } as const
      const event = { eventId: randomUUID(), eventType: "TEST", nonce: null, notice }
      yield* inbox.store(id, { channel: "wechatpay", merchantId: null }, event, { now: start, traceId: null })
      const waits: Array<number> = []
      let now = start
      for (let run = 0; run < 16; run++) {
        const [row] = yield* sql<{ next: Date }>`
          SELECT next_run_at AS next FROM payments.callback_inbox WHERE id = ${id}`
        if (row === undefined) return yield* Effect.die(new Error("The notice is gone"))
        waits.push((row.next.getTime() - now.getTime()) / 1000)
        now = row.next
        assert.isTrue((yield* inbox.claimDue(now, 1_000)).some((due) => due.id === id))
      }
      const doubled = Array.from({ length: 13 }, (_, step) => 15 * 2 ** step)
      assert.deepStrictEqual(waits, [...doubled, 86_400, 86_400, 86_400])
      yield* sql`DELETE FROM payments.callback_inbox WHERE id = ${id}`
    })
  )

  it.effect("that failed too often is parked, and acted upon when an operator says so", () =>
    Effect.gen(function* () {
      const { attemptId, id } = yield* aConfirmedPayment
      const { tellPaid } = yield* signer
      const callbacks = yield* Callbacks
      const operations = yield* PaymentOperations
      const sql = yield* SqlClient.SqlClient
      yield* tellPaid(attemptId, 1999)
      yield* callbacks.drained
      yield* sql`
        UPDATE payments.callback_inbox SET status = 'received', next_run_at = '2020-01-01', runs = 14 WHERE payment_id = ${id}`
      yield* callbacks.sweep(10)
      const [parked] = (yield* operations.show(id)).callbacks
      assert.deepStrictEqual([parked?.status, parked?.outcome], ["parked", "failed too often"])
      const replayed = yield* operations.replayCallback(parked?.id ?? "")
      assert.deepStrictEqual([replayed.status, replayed.outcome], ["processed", "unchanged"])
    })
  )

  it.effect("of a kind nobody knows is acknowledged and ignored", () =>
    Effect.gen(function* () {
      const { identity, post } = yield* signer
      const callbacks = yield* Callbacks
      const operations = yield* PaymentOperations
      const body = envelope(identity, { hello: "world" }, { eventType: "COUPON.USE" })
      assert.strictEqual((yield* post(seal(identity, body))).status, 204)
      yield* callbacks.drained
      const { data } = yield* operations.listCallbacks({ status: "ignored" })
      assert.isTrue(data.some(({ eventType }) => eventType === "COUPON.USE"))
    })
  )

  it.effect("to a channel that is not there is a 404, and one above the limit a 413", () =>
    Effect.gen(function* () {
      const { identity, post } = yield* signer
      const { callbackUrl } = yield* Peer
      const response = yield* HttpClient.post(callbackUrl.replace("wechatpay", "nobody"))
      assert.strictEqual(response.status, 404)
      const large = yield* post(seal(identity, "x".repeat(70_000)))
      assert.strictEqual(large.status, 413)
    })
  )

  it.effect("whose first run was lost with its process is acted upon by the sweep, once", () =>
    Effect.gen(function* () {
      const { attemptId, id } = yield* aConfirmedPayment
      const { tellPaid } = yield* signer
      const callbacks = yield* Callbacks
      const sql = yield* SqlClient.SqlClient
      yield* tellPaid(attemptId, 1999)
      yield* callbacks.drained
      yield* sql`
        UPDATE payments.callback_inbox SET status = 'received', next_run_at = '2020-01-01', processed_at = NULL
        WHERE payment_id = ${id}`
      yield* callbacks.sweep(10)
      const operations = yield* PaymentOperations
      const { callbacks: notices } = yield* operations.show(id)
      assert.deepStrictEqual(
        notices.map(({ outcome, runs, status }) => [status, outcome, runs]),
        [["processed", "unchanged", 1]]
      )
      assert.strictEqual(yield* told("mark_order_paid", id), 1)
    })
  )

  it.effect("that fails in the middle of its run changes nothing and is acted upon later (13.04, 14.04)", () =>
    Effect.gen(function* () {
      const { attemptId, id } = yield* aConfirmedPayment
      const { tellPaid } = yield* signer
      const callbacks = yield* Callbacks
      const sql = yield* SqlClient.SqlClient
      // the last statement of the run fails, as if the process had died before its commit
      yield* sql`
        CREATE FUNCTION payments.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'crash'; END $$`
      yield* sql`
        CREATE TRIGGER crash BEFORE UPDATE ON payments.callback_inbox FOR EACH ROW
        WHEN (NEW.status = 'processed') EXECUTE FUNCTION payments.fail()`
      assert.strictEqual((yield* tellPaid(attemptId, 1999)).status, 204)
      yield* callbacks.drained
      yield* sql`DROP TRIGGER crash ON payments.callback_inbox`
      assert.strictEqual(yield* statusOf(id), "processing")
      assert.strictEqual(yield* told("mark_order_paid", id), 0)
      yield* sql`UPDATE payments.callback_inbox SET next_run_at = '2020-01-01' WHERE status = 'received'`
      yield* callbacks.sweep(10)
      assert.strictEqual(yield* statusOf(id), "succeeded")
      assert.strictEqual(yield* told("mark_order_paid", id), 1)
    })
  )

  it.effect("for a payment that was canceled meanwhile records the money and tells it", () =>
    Effect.gen(function* () {
      const { attemptId, id } = yield* aConfirmedPayment
      const { tellPaid } = yield* signer
      const gateway = yield* PaymentGateway
      assert.strictEqual(yield* gateway.close(id, "gave up"), "canceled")
      yield* tellPaid(attemptId, 1999)
      yield* awaitStatus(id, "succeeded")
      assert.strictEqual(yield* told("mark_order_canceled", id), 1)
      assert.strictEqual(yield* told("mark_order_paid", id), 1)
    })
  )

  it.effect("of a second capture gives it back by itself and counts the first only", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const { attemptId, buyer, id } = yield* aConfirmedPayment
      const { tellPaid } = yield* signer
      const { attempt } = yield* confirmations.resume(id, buyer)
      assert.notStrictEqual(attempt.id, attemptId)
      assert.strictEqual(yield* peer.pay(attempt.id), 200)
      yield* awaitStatus(id, "succeeded")
      yield* tellPaid(attemptId, 1999)
      const callbacks = yield* Callbacks
      yield* callbacks.drained
      const { attempts, payment, refunds } = yield* operations.show(id)
      assert.strictEqual(payment.status, "succeeded")
      assert.strictEqual(payment.captured.amount, 1999)
      assert.strictEqual(payment.refunded.amount, 0)
      assert.deepStrictEqual(
        attempts.map(({ status }) => status),
        ["succeeded", "succeeded"]
      )
      assert.deepStrictEqual(
        refunds.map(({ amount, reason }) => [amount.amount, reason]),
        [[1999, "paid twice"]]
      )
      assert.strictEqual(yield* told("mark_order_paid", id), 1)
    })
  )
})
