import { accountCode } from "@mall/domain/ledger/Account"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import type { Finding } from "@mall/domain/operations/Doctor"
import { finding } from "@mall/platform/doctor/Checks"
import type { Check, Selection } from "@mall/platform/doctor/Checks"
import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Channel, ChannelAttempt } from "../channel/Channel.ts"
import { Channels } from "../channel/Channels.ts"
import { toChannelAttempt } from "../lifecycle/Inquiries.ts"
import { PaymentRepo } from "../store/PaymentRepo.ts"
import type { AttemptRow, PaymentRecord, RefundRow } from "../store/PaymentRecord.ts"

/** Payments that one look asks about: each costs the channel a question or more. */
const sample = 100

/** How far back a full look goes, in milliseconds. */
const window = 24 * 3_600_000

const Row = Schema.Struct({ id: PaymentId })

/** What is wrong with a try that we hold as paid. A channel may call a trade closed once all of it went back. */
const faultOfAttempt = Effect.fnUntraced(function* (
  channel: Channel,
  attempt: AttemptRow,
  asked: ChannelAttempt,
  isGivenBack: boolean
) {
  const told = yield* channel.query(asked)
  if (told._tag === "Paid") {
    return told.amount === attempt.amount && told.currency === attempt.currency
      ? undefined
      : `captured ${attempt.amount} ${attempt.currency} by try ${attempt.id}, ${channel.id} says ${told.amount} ${told.currency}`
  }
  if (told._tag === "Closed" && isGivenBack) return undefined
  return `captured ${attempt.amount} ${attempt.currency} by try ${attempt.id}, ${channel.id} says ${told._tag.toLowerCase()}`
})

const faultOfRefund = Effect.fnUntraced(function* (channel: Channel, refund: RefundRow, attempt: ChannelAttempt) {
  const { amount, currency, id, money, reason } = refund
  const told = yield* channel.queryRefund({ id, attempt, amount: money, reason })
  if (told._tag === "Refunded") {
    return told.amount === amount && told.currency === currency
      ? undefined
      : `gave back ${amount} ${currency} by refund ${id}, ${channel.id} says ${told.amount} ${told.currency}`
  }
  return `gave back ${amount} ${currency} by refund ${id}, ${channel.id} says ${told._tag.toLowerCase()}`
})

/**
 * Asks the channels of a sample of the payments that changed. Only tries that we hold as paid are asked about: a question about
 * one that ended unpaid might take the money of a buyer who agreed to it.
 */
export const channelCheck = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const channels = yield* Channels
  const repo = yield* PaymentRepo
  const decode = Schema.decodeUnknownEffect(Schema.Array(Row))

  const among = (selection: Selection, now: Date) =>
    selection.type === "subjects"
      ? sql`id = ANY(${selection.ids}::uuid[])`
      : sql`updated_at >= ${selection.type === "since" ? selection.since : new Date(now.getTime() - window)}`

  const faultsOf = Effect.fnUntraced(function* ({ attempts, intent, refunds }: PaymentRecord) {
    const available = yield* channels.of(intent.merchantId)
    const faults: Array<string> = []
    let answers = 0
    for (const attempt of attempts) {
      const channel = available.madeWith(attempt.channel, attempt.credentialId)
      if (attempt.status !== "succeeded" || Option.isNone(channel)) continue
      const given = refunds.filter(({ attemptId, status }) => attemptId === attempt.id && status === "succeeded")
      const isGivenBack = given.reduce((sum, { amount }) => sum + amount, 0) >= attempt.amount
      const asked = toChannelAttempt(intent, attempt)
      const questions = [
        faultOfAttempt(channel.value, attempt, asked, isGivenBack),
        ...given.map((refund) => faultOfRefund(channel.value, refund, asked))
      ]
      for (const question of questions) {
        const fault = yield* question.pipe(
          Effect.catchTag("ChannelError", ({ reason }) =>
            Effect.as(
              Effect.logWarning("A channel gave no answer to the doctor").pipe(
                Effect.annotateLogs({ paymentId: intent.id, code: reason.code })
              ),
              null
            )
          )
        )
        if (fault !== null) answers++
        if (fault !== null && fault !== undefined) faults.push(fault)
      }
    }
    return { faults, isAnswered: answers > 0 }
  })

  const check: Check = {
    name: "payment_channels",
    says: "What was captured and given back is what the channel says",
    severity: "P0",
    reach: "channels",
    look: Effect.fnUntraced(function* ({ now, selection }) {
      const rows = yield* sql`
        SELECT id FROM payments.intents WHERE captured > 0 AND ${among(selection, now)}
        ORDER BY random() LIMIT ${selection.type === "subjects" ? selection.ids.length : sample}`.pipe(
        Effect.flatMap(decode)
      )
      const found = yield* Effect.forEach(
        rows,
        Effect.fnUntraced(function* ({ id }) {
          const record = yield* repo.read(id)
          if (Option.isNone(record)) return { looked: 0, findings: [] }
          const { currency, merchantId } = record.value.intent
          const { faults, isAnswered } = yield* faultsOf(record.value)
          const accounts = [accountCode({ owner: merchantId, kind: "payable", detail: null, currency })]
          const findings: ReadonlyArray<Finding> =
            faults.length === 0 ? [] : [finding({ type: "payment", id }, faults.join("; "), { accounts })]
          return { looked: isAnswered ? 1 : 0, findings }
        }),
        { concurrency: 4 }
      )
      return {
        looked: found.reduce((sum, { looked }) => sum + looked, 0),
        findings: found.flatMap(({ findings }) => findings),
        next: null
      }
    })
  }
  return check
})
