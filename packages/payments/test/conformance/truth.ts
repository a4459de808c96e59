import {
  attemptLifecycle,
  isOpenRefund,
  paymentLifecycle,
  refundLifecycle
} from "@mall/domain/payments/PaymentLifecycle"
import type { AttemptId } from "@mall/domain/payments/Payment"
import { PaymentNotFound } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { assert } from "@effect/vitest"
import { Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import { ChannelLog } from "../../src/log/ChannelLog.ts"
import { PaymentReads } from "../../src/store/PaymentReads.ts"
import type { PaymentRecord } from "../../src/store/PaymentRecord.ts"
import { PaymentRepo } from "../../src/store/PaymentRepo.ts"
import { Payments } from "../../src/lifecycle/Payments.ts"
import { Tickets } from "../../src/lifecycle/Tickets.ts"
import { Bench } from "./Bench.ts"
import type { Order } from "./Bench.ts"
import type { ChannelProfile } from "./ChannelProfile.ts"

const sum = (amounts: Iterable<number>) => [...amounts].reduce((total, amount) => total + amount, 0)

/** What our books and those of the channel say differently about one payment; nothing where there is one truth. */
const compare = (
  { attempts, intent, refunds }: PaymentRecord,
  orders: ReadonlyMap<AttemptId, Order>,
  { agreedState, paidStates }: ChannelProfile
): ReadonlyArray<string> => {
  const isPaid = ({ state }: Order) => paidStates.includes(state)
  const paid = [...orders.values()].filter(isPaid)
  const surplus = refunds.filter((refund) => refund.surplus)
  const given = sum(surplus.filter(({ status }) => status === "succeeded").map(({ amount }) => amount))
  const open = refunds.filter(({ status }) => isOpenRefund(status))
  const expectEqual = (what: string, ours: number, theirs: number) =>
    ours === theirs ? [] : [`${what}: ${ours} here, ${theirs} at the channel`]
  return [
    ...attempts.flatMap(({ amount, currency, id, status }) => {
      const order = orders.get(id)
      const isTaken = order !== undefined && isPaid(order)
      return [
        ...((status === "succeeded") === isTaken
          ? []
          : [`attempt ${id}: ${status} here, ${order?.state ?? "missing"} at the channel`]),
        // the money of a try that goes on is to be taken; a notice may be about it just now
        ...(status === "processing" && order !== undefined && order.state === agreedState
          ? [`attempt ${id}: agreed to, and not taken`]
          : []),
        ...(order === undefined || (order.amount === amount && order.currency === currency)
          ? []
          : [`attempt ${id}: ${amount} ${currency} here, ${order.amount} ${order.currency} at the channel`])
      ]
    }),
    ...expectEqual(
      "money taken",
      intent.captured + sum(surplus.map(({ amount }) => amount)),
      sum(paid.map((o) => o.amount))
    ),
    ...expectEqual("money given back", intent.refunded + given, sum(paid.map((o) => o.refunded))),
    ...(intent.held === 0 ? [] : [`${intent.held} are held`]),
    ...open.map(({ id, status }) => `refund ${id} is ${status}`)
  ]
}

export const readBooks = Effect.fnUntraced(function* (id: PaymentId) {
  const { order, profile } = yield* Bench
  const repo = yield* PaymentRepo
  const record = yield* Effect.flatMap(repo.read(id), (found) =>
    Effect.mapError(Effect.fromOption(found), () => new PaymentNotFound({ paymentId: id }))
  )
  const orders = new Map<AttemptId, Order>()
  for (const attempt of record.attempts) {
    const found = yield* order(attempt.id)
    if (Option.isSome(found)) orders.set(attempt.id, found.value)
  }
  return {
    record,
    orders,
    disagreements: compare(record, orders, profile)
  }
})

const lifecycles = { payment: paymentLifecycle, attempt: attemptLifecycle, refund: refundLifecycle } as const
const canMove = (subject: keyof typeof lifecycles, from: string, to: string) => {
  const targets: Readonly<Record<string, ReadonlyArray<string>>> = lifecycles[subject].transitions
  return targets[from]?.includes(to) === true
}

/** The history of each subject starts with its birth, goes from state to state without a gap, and ends where it stands. */
const assertHistory = Effect.fnUntraced(function* ({ attempts, intent, refunds }: PaymentRecord) {
  const reads = yield* PaymentReads
  const changes = Map.groupBy(yield* reads.history(intent.id), ({ subjectId }) => subjectId)
  const stands = new Map<string, string>([intent, ...attempts, ...refunds].map(({ id, status }) => [id, status]))
  assert.deepStrictEqual(new Set(changes.keys()), new Set(stands.keys()), "who has a history")
  for (const [subjectId, steps] of changes) {
    let last: string | null = null
    for (const { fromStatus, subject, toStatus } of steps) {
      assert.strictEqual(fromStatus, last, `the history of ${subject} ${subjectId} has no gap`)
      // a part that came to a chain's address is history, and moves nothing
      const isPart = subject === "attempt" && last === toStatus && attempts.some(({ received }) => received > 0)
      if (last !== null && !isPart)
        assert.isTrue(canMove(subject, last, toStatus), `${subject} from ${last} to ${toStatus}`)
      last = toStatus
    }
    assert.strictEqual(last, stands.get(subjectId), `the history of ${subjectId} ends where it stands`)
  }
})

/** Each subscriber of a topic was told so many times of the payment. */
const assertTold = Effect.fnUntraced(function* (topic: string, { intent }: PaymentRecord, times: number) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ count: number }>`
    SELECT queue_name, count(*) AS count FROM outbox
    WHERE queue_name LIKE ${`${topic}.%`} AND element::text LIKE ${`%${intent.id}%`} GROUP BY queue_name`
  const counts = rows.map(({ count }) => count)
  assert.isTrue(
    times === 0 ? counts.length === 0 : counts.length > 0 && counts.every((count) => count === times),
    `${topic} was told ${counts.join(", ")} times, not ${times}`
  )
})

/** What must not be kept: keys, signatures, tokens and what opens a payment for its buyer. */
const secrets =
  /_secret_|\bsk_|\bwhsec_|bearer |-----BEGIN|"(?:sign|paySign|access_token|client_secret|openid)": ?"(?!<redacted>)/i

/** The payment log knows what the channel was asked about each try that it has an order of, and keeps no secret. */
const assertLogged = Effect.fnUntraced(function* ({ intent }: PaymentRecord, orders: Iterable<AttemptId>) {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.flatMap(ChannelLog, ({ flush }) => flush)
  const calls = yield* sql<{ attemptId: string; isSent: boolean; outcome: string; body: string }>`
    SELECT attempt_id, request IS NOT NULL OR outcome LIKE 'not sent%' AS is_sent, outcome,
      coalesce(request::text, '') || coalesce(response::text, '') AS body
    FROM payments.channel_log WHERE payment_id = ${intent.id}`
  const logged = new Set(calls.map(({ attemptId }) => attemptId))
  for (const id of orders) assert.isTrue(logged.has(id), `the log knows the try ${id}`)
  for (const { body, isSent, outcome } of calls) {
    assert.isTrue(isSent, `the log knows what was sent in a call that ended ${outcome}`)
    assert.notMatch(body, secrets)
  }
})

/** The page of the buyer, who has nothing but a ticket, shows how the payment stands. */
const assertPage = Effect.fnUntraced(function* ({ intent }: PaymentRecord) {
  const payments = yield* Payments
  const tickets = yield* Tickets
  const shown = yield* payments.status(intent.id, yield* tickets.issue(intent.id))
  assert.deepStrictEqual(
    [shown.status, shown.amount.amount, shown.amount.currency],
    [intent.status, intent.amount, intent.currency]
  )
})

/** There is one truth about the payment, and everything that shows it shows the same. The channel was asked before. */
export const assertOneTruth = Effect.fnUntraced(function* (id: PaymentId) {
  const { disagreements, orders, record } = yield* readBooks(id)
  assert.deepStrictEqual(disagreements, [])
  yield* assertLogged(record, orders.keys())
  const { attempts, intent, refunds } = record
  const counted = attempts.filter(
    (attempt) =>
      attempt.status === "succeeded" && !refunds.some(({ attemptId, surplus }) => surplus && attemptId === attempt.id)
  )
  assert.strictEqual(intent.captured, counted.length === 0 ? 0 : intent.amount, "one attempt pays the payment, once")
  assert.isAtMost(counted.length, 1)
  assert.isAtMost(intent.refunded + intent.held, intent.captured)
  yield* assertHistory(record)
  yield* assertTold("mark_order_paid", record, counted.length)
  yield* assertTold(
    "payment_refunded",
    record,
    refunds.filter(({ status, surplus }) => !surplus && !isOpenRefund(status)).length
  )
  yield* assertPage(record)
})
