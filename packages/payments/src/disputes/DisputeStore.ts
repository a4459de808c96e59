import { generator } from "@mall/domain/kernel/Id"
import { DisputeId } from "@mall/domain/payments/Dispute"
import { disputeLifecycle, isOpenDispute } from "@mall/domain/payments/DisputeLifecycle"
import { paymentDisputeChanged } from "@mall/domain/payments/PaymentTopics"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Outbox } from "@mall/platform/Outbox"
import { Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Channel, ChannelDispute } from "../channel/Channel.ts"
import { SecurityEvents } from "../callbacks/SecurityEvents.ts"
import { DisputeHistoryRow, DisputeRow } from "./DisputeRecord.ts"
import { DisputeRepo } from "./DisputeRepo.ts"
import type { DisputedPayment } from "./DisputeRepo.ts"
import { DisputesConfig } from "./DisputesConfig.ts"

const newDisputeId = generator(DisputeId)

/**
 * How we know. `told`: by a notice, true at that time of the channel's clock. `asked`: by an answer, true as long as nothing
 * was told since the row was of `version`.
 */
export type Source =
  | { readonly by: "told"; readonly at: Date }
  | { readonly by: "asked"; readonly version: number; readonly actor: string; readonly reason: string }

/** A change that is committed once the caller's transaction is; then it is announced. */
export interface DisputeNews {
  readonly from: DisputeRow | undefined
  readonly to: DisputeRow
  readonly actor: string
}

/**
 * `doubtful`: what was heard may be older than what is known, so that the channel is asked at once. `mismatch`: it contradicts
 * what is known and decides nothing; it was reported.
 */
export interface Learned {
  readonly type: "changed" | "unchanged" | "doubtful" | "mismatch"
  readonly row: DisputeRow | undefined
  readonly news: DisputeNews | undefined
}

/** The row as it is after the channel's word. What was given up and is lost was accepted. */
const applied = (row: DisputeRow, told: ChannelDispute, payment: DisputedPayment | undefined) =>
  new DisputeRow({
    ...row,
    paymentId: payment?.paymentId ?? row.paymentId,
    merchantId: payment === undefined ? row.merchantId : payment.merchantId,
    status: told.status === "lost" && row.acceptedBy !== null ? "accepted" : told.status,
    amount: told.amount,
    reason: told.reason,
    evidenceDueAt: told.evidenceDueAt,
    withdrawn: told.balance?.withdrawn ?? null,
    fees: told.balance?.fees ?? null,
    balanceCurrency: told.balance?.currency ?? null
  })

const isSame = (a: DisputeRow, b: DisputeRow) =>
  a.status === b.status &&
  a.amount === b.amount &&
  a.reason === b.reason &&
  a.paymentId === b.paymentId &&
  a.withdrawn === b.withdrawn &&
  a.fees === b.fees &&
  a.balanceCurrency === b.balanceCurrency &&
  a.evidenceDueAt?.getTime() === b.evidenceDueAt?.getTime()

const isOurs = (channel: Channel, { account }: ChannelDispute) =>
  Object.entries(account).every(([name, value]) => channel.account[name] === value)

/** The one way in which the channel's word about a dispute becomes ours. Calls no channel. */
export class DisputeStore extends Context.Service<
  DisputeStore,
  {
    /**
     * Needs a transaction, at whose end the caller records the news in the books: the row, its history and the message are one. The same again, or in disorder, changes nothing. A
     * dispute of a payment that is not ours is kept without it, and reported.
     */
    learn(channel: Channel, told: ChannelDispute, source: Source): Effect.Effect<Learned, SqlError>
    /** A line of history about what we did, where it changes no state. Joins the ambient transaction. */
    note(row: DisputeRow, actor: string, reason: string): Effect.Effect<void, SqlError>
  }
>()("@mall/payments/disputes/DisputeStore") {
  static readonly layerNoDeps = Layer.effect(
    DisputeStore,
    Effect.gen(function* () {
      const repo = yield* DisputeRepo
      const outbox = yield* Outbox
      const securityEvents = yield* SecurityEvents
      const { syncInterval } = yield* DisputesConfig

      const write = Effect.fnUntraced(function* (from: DisputeRow | undefined, to: DisputeRow, source: Source) {
        const { actor, reason } =
          source.by === "asked" ? source : { actor: `channel:${to.channel}`, reason: "told by the channel" }
        yield* repo.note(
          to.id,
          new DisputeHistoryRow({
            fromStatus: from?.status ?? null,
            toStatus: to.status,
            amount: to.amount,
            currency: to.currency,
            actor,
            reason,
            traceId: yield* currentTraceId,
            at: to.updatedAt
          })
        )
        yield* outbox.publish(paymentDisputeChanged, {
          disputeId: to.id,
          paymentId: to.paymentId,
          merchantId: to.merchantId,
          channel: to.channel,
          channelReference: to.channelReference,
          version: to.version,
          fromStatus: from?.status ?? null,
          status: to.status,
          amount: to.money,
          evidenceDueAt: to.evidenceDueAt,
          ...to.balance
        })
        const news: DisputeNews = { from, to, actor }
        return news
      })

      const report = (kind: "dispute_mismatch" | "dispute_unknown_payment", row: DisputeRow, what: string) =>
        securityEvents.record({
          kind,
          channel: row.channel,
          ...(row.paymentId === null ? {} : { paymentId: row.paymentId }),
          details: { disputeId: row.id, channelReference: row.channelReference, what }
        })

      /** What somebody has to look at, though it is kept: the bank may want back what was never taken, or was refunded. */
      const reportMoney = Effect.fnUntraced(function* (row: DisputeRow, payment: DisputedPayment | undefined) {
        if (payment === undefined) return yield* report("dispute_unknown_payment", row, "no such payment")
        if (payment.currency !== row.currency) yield* report("dispute_mismatch", row, "currency")
        else if (row.amount > payment.captured) yield* report("dispute_mismatch", row, "more than was captured")
        else if (row.amount > payment.captured - payment.refunded) {
          yield* report("dispute_mismatch", row, "more than is left after refunds")
        }
      })

      const open = Effect.fnUntraced(function* (channel: Channel, told: ChannelDispute, source: Source, now: Date) {
        const payment = Option.getOrUndefined(yield* repo.paymentOf(channel.id, told.paymentReference))
        const { channelReference, currency, openedAt, paymentReference, status } = told
        const bare = new DisputeRow({
          ...{ channel: channel.id, channelReference, paymentReference, currency, openedAt, status },
          ...{ amount: told.amount, reason: told.reason, evidenceDueAt: told.evidenceDueAt },
          ...{ withdrawn: null, fees: null, balanceCurrency: null, acceptedBy: null, version: 1 },
          id: yield* newDisputeId,
          paymentId: null,
          merchantId: null,
          toldAt: source.by === "told" ? source.at : openedAt,
          nextSyncAt: nextSync(told.status, now),
          createdAt: now,
          updatedAt: now
        })
        const row = applied(bare, told, payment)
        if (!(yield* repo.insert(row))) return undefined
        yield* reportMoney(row, payment)
        return { type: "changed", row, news: yield* write(undefined, row, source) } satisfies Learned
      })

      const nextSync = (status: DisputeRow["status"], now: Date) =>
        isOpenDispute(status) ? new Date(now.getTime() + Duration.toMillis(syncInterval)) : null

      const change = Effect.fnUntraced(function* (
        row: DisputeRow,
        told: ChannelDispute,
        source: Source,
        now: Date
      ): Effect.fn.Return<Learned, SqlError> {
        const payment =
          row.paymentId === null
            ? yield* repo.paymentOf(row.channel, told.paymentReference)
            : yield* repo.payment(row.paymentId)
        const next = applied(row, told, Option.getOrUndefined(payment))
        const toldAt = source.by === "told" && source.at > row.toldAt ? source.at : row.toldAt
        if (isSame(row, next)) {
          if (toldAt > row.toldAt) yield* repo.update(new DisputeRow({ ...row, toldAt }))
          return { type: "unchanged", row, news: undefined }
        }
        const isNewer = source.by === "told" ? source.at > row.toldAt : source.version === row.version
        if (!isNewer) {
          yield* repo.askAt(row.id, now)
          return { type: "doubtful", row, news: undefined }
        }
        const isPossible = row.status === next.status || disputeLifecycle.can(row.status, next.status)
        if (!isPossible || told.currency !== row.currency || told.paymentReference !== row.paymentReference) {
          yield* report("dispute_mismatch", row, isPossible ? "another payment or currency" : `told ${next.status}`)
          return { type: "mismatch", row, news: undefined }
        }
        const to = new DisputeRow({
          ...next,
          toldAt,
          version: row.version + 1,
          nextSyncAt: nextSync(next.status, now),
          updatedAt: now
        })
        yield* repo.update(to)
        if (to.amount !== row.amount) yield* reportMoney(to, Option.getOrUndefined(payment))
        return { type: "changed", row: to, news: yield* write(row, to, source) }
      })

      return DisputeStore.of({
        learn: Effect.fn("DisputeStore.learn")(function* (channel, told, source): Effect.fn.Return<Learned, SqlError> {
          const now = yield* DateTime.nowAsDate
          if (!isOurs(channel, told)) {
            yield* securityEvents.record({
              kind: "dispute_mismatch",
              channel: channel.id,
              details: { channelReference: told.channelReference, what: "another account" }
            })
            return { type: "mismatch", row: undefined, news: undefined }
          }
          const locked = yield* repo.lockOf(channel.id, told.channelReference)
          if (Option.isSome(locked)) return yield* change(locked.value, told, source, now)
          const opened = yield* open(channel, told, source, now)
          if (opened !== undefined) return opened
          // somebody else was told of it at the same moment, and has committed
          const theirs = yield* repo
            .lockOf(channel.id, told.channelReference)
            .pipe(Effect.flatMap(Effect.fromOption), Effect.catchTag("NoSuchElementError", Effect.die))
          return yield* change(theirs, told, source, now)
        }),
        note: Effect.fnUntraced(function* (row, actor, reason) {
          yield* repo.note(
            row.id,
            new DisputeHistoryRow({
              fromStatus: row.status,
              toStatus: row.status,
              amount: row.amount,
              currency: row.currency,
              actor,
              reason,
              traceId: yield* currentTraceId,
              at: yield* DateTime.nowAsDate
            })
          )
        })
      })
    })
  )
}
