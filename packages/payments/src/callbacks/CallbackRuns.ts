import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import { RiskCheck } from "@mall/domain/risk/RiskCheck"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Cause, Context, DateTime, Effect, Exit, Layer, Option, Request } from "effect"
import type { Tracer } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { announce } from "../store/announce.ts"
import { PaymentBooks } from "../books/PaymentBooks.ts"
import { Channels } from "../channel/Channels.ts"
import type { Notice } from "../channel/Channel.ts"
import { announceDispute } from "../disputes/announceDispute.ts"
import { DisputeStore } from "../disputes/DisputeStore.ts"
import type { DisputeNews } from "../disputes/DisputeStore.ts"
import type { MerchantChannels } from "../channel/Channels.ts"
import { applyPayment, applyRefund } from "../lifecycle/channelTruth.ts"
import type { Verdict as Truth } from "../lifecycle/channelTruth.ts"
import { Refunds } from "../lifecycle/Refunds.ts"
import { CallbackInbox } from "./CallbackInbox.ts"
import type { CallbackId, Verdict, Waiting } from "./CallbackInbox.ts"
import { groupCommit } from "@mall/platform/groupCommit"
import type { AttemptRow } from "../store/PaymentRecord.ts"
import { PaymentRepo } from "../store/PaymentRepo.ts"
import { PaymentStore } from "../store/PaymentStore.ts"
import type { Change } from "../store/PaymentStore.ts"
import { isReferenceTaken, referenceTaken } from "../store/referenceTaken.ts"
import { SecurityEvents } from "./SecurityEvents.ts"
import type { SecurityEvent } from "./SecurityEvents.ts"

/** Notices that one transaction acts upon at most. */
const maxBatch = 64

/** A refund that the channel has to be asked about before the notice of it is done. */
interface ToAsk {
  readonly paymentId: PaymentId
  readonly refundId: RefundId
}

/** `isAsked`: the channel was asked what the notice is about. */
class Run extends Request.Class<
  { readonly id: CallbackId; readonly span: Option.Option<Tracer.Span>; readonly isAsked: boolean },
  ToAsk | undefined
> {}

/** A notice with the change that it asks for; without one where it is about nothing of ours. */
interface Task {
  readonly waiting: Waiting
  readonly kind: "payment_mismatch" | "refund_mismatch"
  readonly change: Change<Truth, never> | undefined
}

const isThere = (available: MerchantChannels, { channel, merchantId }: Waiting) =>
  merchantId === null ? Option.isSome(available.find(channel)) : available.own(channel).length > 0

/** What a run comes to, and what somebody has to hear of it. */
interface Result {
  readonly verdict: Verdict
  readonly event?: SecurityEvent
}

type OrderNotice = Exclude<Notice, { readonly _tag: "DisputeNotice" }>

const disputeOf = ({ waiting: { notice } }: Task) =>
  notice._tag === "DisputeNotice" ? notice.dispute.channelReference : ""
const byDispute = (a: Task, b: Task) => disputeOf(a).localeCompare(disputeOf(b))

/** Acts upon stored notices. */
export class CallbackRuns extends Context.Service<
  CallbackRuns,
  {
    /**
     * A notice is done if and only if what it changes is committed. One that is done, or that another process is at, is left
     * alone. Concurrent runs share a transaction; one that fails spoils no other, and dies. `merchantId`: to whose own account the
     * notice came.
     */
    run(id: CallbackId, merchantId: MerchantId | null): Effect.Effect<void>
  }
>()("@mall/payments/callbacks/CallbackRuns") {
  static readonly layerNoDeps = Layer.effect(
    CallbackRuns,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const books = yield* PaymentBooks
      const channels = yield* Channels
      const inbox = yield* CallbackInbox
      const disputes = yield* DisputeStore
      const refunds = yield* Refunds
      const repo = yield* PaymentRepo
      const risk = yield* RiskCheck
      const store = yield* PaymentStore
      const securityEvents = yield* SecurityEvents

      const toTasks = Effect.fnUntraced(function* (
        all: ReadonlyArray<Waiting>,
        runs: ReadonlyMap<CallbackId, Pick<Run, "span" | "isAsked">>,
        decided: Truth | undefined
      ) {
        const ofAttempts = yield* repo.paymentsOfAttempts(
          all.flatMap(({ notice }) => (notice._tag === "PaymentNotice" ? [notice.attemptId] : []))
        )
        const ofRefunds = yield* repo.paymentsOfRefunds(
          all.flatMap(({ notice }) => (notice._tag === "RefundNotice" ? [notice.refundId] : []))
        )
        return all.flatMap((waiting): ReadonlyArray<Task> => {
          const available = channels.peek(waiting.merchantId)
          // a process without this channel leaves its notices to those that have it
          if (available === undefined || !isThere(available, waiting)) return []
          const { channel, id, merchantId, notice } = waiting
          /**
           * The account of the try, where the notice came to that account: one merchant's says nothing about the tries of another,
           * nor about those of the platform.
           */
          const accountOf = (attempt: AttemptRow | undefined, owner: MerchantId | null) =>
            attempt === undefined ||
            attempt.channel !== channel ||
            (attempt.credentialId === null ? null : owner) !== merchantId
              ? undefined
              : Option.getOrUndefined(available.madeWith(channel, attempt.credentialId))
          const common = { actor: `channel:${channel}`, span: runs.get(id)?.span ?? Option.none() }
          switch (notice._tag) {
            case "PaymentNotice": {
              const paymentId = ofAttempts.get(notice.attemptId)
              const change: Change<Truth, never> | undefined = paymentId && {
                ...common,
                id: paymentId,
                decide: (draft) =>
                  Effect.sync(() => {
                    const attempt = draft.attempt(notice.attemptId)
                    if (attempt === undefined) return { type: "unchanged" }
                    if (decided !== undefined) return decided
                    const account = accountOf(attempt, draft.intent.merchantId)
                    return account === undefined
                      ? { type: "mismatch", details: { channel: attempt.channel, account: "another" } }
                      : applyPayment(draft, attempt, account, notice.payment, "told by the channel")
                  })
              }
              return [{ waiting, kind: "payment_mismatch", change }]
            }
            case "RefundNotice": {
              const paymentId = ofRefunds.get(notice.refundId)
              const change: Change<Truth, never> | undefined = paymentId && {
                ...common,
                id: paymentId,
                decide: (draft) =>
                  Effect.sync(() => {
                    const refund = draft.refund(notice.refundId)
                    if (refund === undefined) return { type: "unchanged" }
                    const account = accountOf(draft.attempt(refund.attemptId), draft.intent.merchantId)
                    if (account === undefined) return { type: "mismatch", details: { channel, account: "another" } }
                    const truth = applyRefund(draft, refund, account, notice.refund)
                    return truth.type === "ask" && runs.get(id)?.isAsked === true ? { type: "unchanged" } : truth
                  })
              }
              return [{ waiting, kind: "refund_mismatch", change }]
            }
            case "DisputeNotice":
            case "OtherNotice":
              return [{ waiting, kind: "payment_mismatch", change: undefined }]
          }
        })
      })

      /** Disputes have a row and a lock of their own. */
      const withDispute = Effect.fnUntraced(function* (
        { channel, id, merchantId }: Waiting,
        { at, dispute }: Extract<Notice, { readonly _tag: "DisputeNotice" }>
      ): Effect.fn.Return<{ readonly verdict: Verdict; readonly news: DisputeNews | undefined }, SqlError> {
        // merchants answer the disputes of their own accounts at the channel itself
        if (merchantId !== null) {
          const verdict: Verdict = {
            id,
            status: "ignored",
            outcome: "dispute of a merchant's own account",
            paymentId: null
          }
          return { verdict, news: undefined }
        }
        const source = yield* Effect.orDie(Effect.fromOption(channels.find(channel)))
        const { news, row, type } = yield* disputes.learn(source, dispute, { by: "told", at })
        const verdict: Verdict = {
          id,
          status: type === "mismatch" ? "parked" : "processed",
          outcome: `dispute ${type}`,
          paymentId: row?.paymentId ?? null
        }
        return { verdict, news }
      })

      const withoutChange = ({ channel, id, notice }: Waiting & { readonly notice: OrderNotice }): Result => {
        if (notice._tag === "OtherNotice") {
          return { verdict: { id, status: "ignored", outcome: notice.about, paymentId: null } }
        }
        // Signed by the channel, and about an order that is not ours: somebody has to look.
        const about = notice._tag === "PaymentNotice" ? notice.attemptId : notice.refundId
        return {
          verdict: { id, status: "parked", outcome: "unknown order", paymentId: null },
          event: { kind: "callback_unknown_order", channel, details: { id: about } }
        }
      }

      const withTruth = (
        { channel, id }: Waiting,
        { kind }: Task,
        paymentId: Change<Truth, never>["id"],
        truth: Truth
      ): Result =>
        truth.type === "mismatch"
          ? {
              verdict: { id, status: "parked", outcome: kind, paymentId },
              event: { kind, channel, paymentId, details: truth.details }
            }
          : { verdict: { id, status: "processed", outcome: truth.type, paymentId } }

      const runAll = Effect.fnUntraced(
        function* (requests: ReadonlyArray<Run>, decided?: Truth) {
          const runs = new Map(requests.map((run) => [run.id, run]))
          const tasks = yield* toTasks(yield* inbox.claim([...runs.keys()]), runs, decided)
          const asked = tasks.flatMap((task) => (task.change === undefined ? [] : [{ task, change: task.change }]))
          const changed = yield* store.changeAllWithin(asked.map(({ change }) => change))
          const results: Array<Result> = []
          const news: Array<DisputeNews> = []
          // in one order, so that two processes do not wait for each other
          for (const { change, waiting } of tasks.toSorted(byDispute)) {
            const { notice } = waiting
            if (change !== undefined) continue
            if (notice._tag === "DisputeNotice") {
              const learned = yield* withDispute(waiting, notice)
              results.push(learned)
              if (learned.news !== undefined) news.push(learned.news)
            } else results.push(withoutChange({ ...waiting, notice }))
          }
          const failures = new Map<CallbackId, Cause.Cause<unknown>>()
          const toAsk = new Map<CallbackId, ToAsk>()
          changed.forEach(({ exit }, index) => {
            const own = asked[index]
            if (own === undefined) return
            const { change, task } = own
            const { id, notice } = task.waiting
            if (Exit.isFailure(exit)) failures.set(id, exit.cause)
            else if (exit.value.type === "ask" && notice._tag === "RefundNotice") {
              toAsk.set(id, { paymentId: change.id, refundId: notice.refundId })
            } else results.push(withTruth(task.waiting, task, change.id, exit.value))
          })
          for (const { event } of results) if (event !== undefined) yield* securityEvents.record(event)
          yield* inbox.settle(
            results.map(({ verdict }) => verdict),
            yield* DateTime.nowAsDate
          )
          const drafts = changed.flatMap(({ draft }) => draft ?? [])
          yield* books.record(drafts, news)
          return { failures, toAsk, news, drafts }
        },
        sql.withTransaction,
        retryConflicts
      )

      const commit = Effect.fnUntraced(function* (entries: ReadonlyArray<Request.Entry<Run>>) {
        const requests = entries.map(({ request }) => request)
        const { drafts, failures, news, toAsk } = yield* Effect.catchIf(
          runAll(requests),
          (error) => requests.length === 1 && isReferenceTaken(error),
          () => runAll(requests, referenceTaken)
        )
        yield* Effect.forEach(drafts, (draft) => announce(draft, risk), { discard: true })
        yield* Effect.forEach(news, announceDispute, { discard: true })
        for (const { completeUnsafe, request } of entries) {
          const cause = failures.get(request.id)
          completeUnsafe(cause === undefined ? Exit.succeed(toAsk.get(request.id)) : Exit.die(Cause.squash(cause)))
        }
      })

      const resolver = groupCommit<Run>({ commit, refused: Exit.die, maxBatch })

      return CallbackRuns.of({
        run: Effect.fn("CallbackRuns.run")(function* (id, merchantId) {
          // the transaction of many must not wait for the accounts of one
          yield* channels.of(merchantId)
          const span = yield* Effect.option(Effect.currentSpan)
          const toAsk = yield* Effect.request(new Run({ id, span, isAsked: false }), resolver)
          if (toAsk === undefined) return
          // no channel is called in a transaction; until it has told, the notice waits for its next run
          yield* refunds.recheck(toAsk.paymentId, toAsk.refundId)
          yield* Effect.request(new Run({ id, span, isAsked: true }), resolver)
        })
      })
    })
  )
}
