import { assert, layer } from "@effect/vitest"
import { AttemptId } from "@mall/domain/payments/Payment"
import { generator } from "@mall/domain/kernel/Id"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { Context, DateTime, Effect, Layer, Logger, Option } from "effect"
import { SqlClient } from "effect/sql"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { ChannelLog } from "../../src/log/ChannelLog.ts"
import type { ChannelCall } from "../../src/log/ChannelLog.ts"
import { PaymentLog } from "../../src/log/PaymentLog.ts"
import { PaymentRepo } from "../../src/store/PaymentRepo.ts"
import { Refunds } from "../../src/lifecycle/Refunds.ts"
import {
  aBuyer,
  aPayment,
  awaitStatus,
  newPaymentId,
  newRefundId,
  Peer,
  TestPayments,
  wechatpay
} from "../TestPayments.ts"

const newAttemptId = generator(AttemptId)

const aCall = Effect.gen(function* () {
  const call: ChannelCall = {
    ...{ attemptId: yield* newAttemptId, refundId: null, channel: "wechatpay", operation: "query" },
    ...{ request: { method: "get" }, response: { state: "OPEN" }, outcome: "ok", durationMillis: 12, traceId: null },
    at: yield* DateTime.nowAsDate
  }
  return call
})

const confirmed = Effect.gen(function* () {
  const buyer = yield* aBuyer
  const { id } = yield* aPayment(buyer)
  const confirmations = yield* Confirmations
  yield* confirmations.confirm(id, { channel: wechatpay }, buyer)
  const repo = yield* PaymentRepo
  const record = Option.getOrThrow(yield* repo.read(id))
  const attemptId = record.attempts[0]?.id
  if (attemptId === undefined) return yield* Effect.die(new Error("There is no try"))
  return { attemptId, buyer, id }
})

const logOf = Effect.fnUntraced(function* (id: Parameters<PaymentLog["Service"]["read"]>[0]) {
  const channelLog = yield* ChannelLog
  yield* channelLog.flush
  const log = yield* PaymentLog
  return (yield* log.read(id, { limit: 100 })).data
})

/** A log of its own, over the same database. */
const aLog = Effect.map(Layer.build(Layer.fresh(ChannelLog.layer)), Context.get(ChannelLog))

layer(TestPayments, { excludeTestServices: true, timeout: "60 seconds" })("the payment log", (it) => {
  it.effect("tells of a payment what was sent, what came back and what changed, in order and without secrets", () =>
    Effect.gen(function* () {
      const { attemptId, id } = yield* confirmed
      const peer = yield* Peer
      yield* peer.pay(attemptId)
      yield* awaitStatus(id, "succeeded")
      const refunds = yield* Refunds
      const refundId = yield* newRefundId
      yield* refunds.request({ id: refundId, paymentId: id, reason: "late", actor: "test", owns: () => true })
      yield* awaitStatus(id, "refunded")

      const entries = yield* logOf(id)
      const calls = entries.filter(({ kind }) => kind === "call")
      const create = calls.find(({ what }) => what === "create")
      assert.deepInclude(create?.request, { method: "post", path: "v3/pay/transactions/native" })
      assert.include(JSON.stringify(create?.response), "code_url")
      assert.deepStrictEqual([create?.subjectId, create?.outcome, create?.channel], [attemptId, "ok", "wechatpay"])
      const refund = calls.find(({ subject }) => subject === "refund")
      assert.deepStrictEqual([refund?.subjectId, refund?.outcome], [refundId, "ok"])
      const changes = entries.flatMap(({ kind, subject, what }) => (kind === "change" ? [`${subject} ${what}`] : []))
      assert.include(changes, "payment processing → succeeded")
      assert.isTrue(entries.some(({ kind, outcome }) => kind === "notice" && outcome === "over"))
      const times = entries.map(({ at }) => at.getTime())
      assert.deepStrictEqual(
        times,
        times.toSorted((a, b) => a - b)
      )

      const log = yield* PaymentLog
      const paged: Array<string> = []
      let after: string | null | undefined
      while (after !== null) {
        const page = yield* log.read(id, { limit: 3, ...(after === undefined ? {} : { after }) })
        paged.push(...page.data.map((entry) => entry.id))
        after = page.nextCursor
      }
      assert.deepStrictEqual(
        paged,
        entries.map((entry) => entry.id)
      )
    })
  )

  it.effect("tells of calls that the channel refused, and of those whose answer was lost", () =>
    Effect.gen(function* () {
      const peer = yield* Peer
      yield* Effect.addFinalizer(() => peer.reset)
      const { buyer, id } = yield* confirmed
      const confirmations = yield* Confirmations
      yield* peer.fault("query", { kind: "answer", with: "error", when: "before", status: 500, code: "SYSTEM_ERROR" })
      yield* Effect.flip(confirmations.resume(id, buyer))
      yield* peer.fault("query", { kind: "drop", when: "after" })
      yield* Effect.flip(confirmations.resume(id, buyer))
      const failed = (yield* logOf(id)).filter(({ kind, outcome }) => kind === "call" && outcome !== "ok")
      assert.deepStrictEqual(
        failed.map(({ what }) => what),
        ["query", "query"]
      )
      const [refused, lost] = failed
      assert.match(refused?.outcome ?? "", /^outcome unknown: SYSTEM_?ERROR$/)
      assert.include(JSON.stringify(refused?.response), `"status":500`)
      assert.match(lost?.outcome ?? "", /^outcome unknown: /)
      assert.isNull(lost?.response)
      assert.isNotNull(lost?.request)
    })
  )

  it.effect("says that there is no such payment, and takes no cursor of another list", () =>
    Effect.gen(function* () {
      const log = yield* PaymentLog
      assert.strictEqual((yield* Effect.flip(log.read(yield* newPaymentId, {})))._tag, "PaymentNotFound")
      const { id } = yield* aPayment(yield* aBuyer)
      assert.strictEqual((yield* Effect.flip(log.read(id, { after: "e30" })))._tag, "InvalidCursor")
      const gateway = yield* PaymentGateway
      assert.strictEqual((yield* gateway.find([id])).size, 1)
    })
  )

  it.effect("keeps each call once, however many come at once and though the former answer was lost", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const channelLog = yield* ChannelLog
      const call = yield* aCall
      yield* Effect.forEach(Array.from({ length: 1_000 }), () => channelLog.write(call), {
        concurrency: "unbounded",
        discard: true
      })
      yield* Effect.all([channelLog.flush, channelLog.flush, channelLog.flush], { concurrency: "unbounded" })
      const [row] = yield* sql`
        SELECT count(*)::int AS count FROM payments.channel_log WHERE attempt_id = ${call.attemptId}`
      assert.strictEqual(row?.["count"], 1_000)
    })
  )

  it.effect("keeps out no other call because of one that the database refuses, and that one is told to the log", () => {
    const lines: Array<unknown> = []
    return Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const channelLog = yield* aLog
      const good = yield* aCall
      const bad = { ...(yield* aCall), durationMillis: 2 ** 40 }
      yield* Effect.forEach([good, bad, good], channelLog.write)
      yield* channelLog.flush
      const rows = yield* sql`
        SELECT attempt_id FROM payments.channel_log WHERE attempt_id IN (${good.attemptId}, ${bad.attemptId})`
      assert.lengthOf(rows, 2)
      assert.include(JSON.stringify(lines), "is not in the payment log")
    }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => lines.push(message))])))
  })

  it.effect("writes what waits when its process ends", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const call = yield* aCall
      yield* Effect.scoped(
        Effect.gen(function* () {
          const channelLog = yield* aLog
          yield* channelLog.write(call)
        })
      )
      assert.lengthOf(yield* sql`SELECT id FROM payments.channel_log WHERE attempt_id = ${call.attemptId}`, 1)
    })
  )

  it.effect("forgets calls that are too old, a batch at a time", () =>
    Effect.gen(function* () {
      const channelLog = yield* ChannelLog
      const log = yield* PaymentLog
      const old = { ...(yield* aCall), at: new Date("2020-01-01T00:00:00Z") }
      yield* Effect.forEach([old, old, old], channelLog.write)
      yield* channelLog.flush
      assert.deepStrictEqual([yield* log.purge(2), yield* log.purge(2), yield* log.purge(2)], [2, 1, 0])
    })
  )
})
