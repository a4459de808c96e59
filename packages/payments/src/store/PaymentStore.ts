import { generator } from "@mall/domain/kernel/Id"
import { PaymentNotFound, RefundId } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { RiskCheck } from "@mall/domain/risk/RiskCheck"
import { groupByTenant } from "@mall/platform/groupByTenant"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { transactionOf } from "@mall/platform/Tenancy"
import type { Tenant } from "@mall/platform/Tenancy"
import { Context, DateTime, Effect, Exit, Layer, Option, Ref, Request, Schema } from "effect"
import type { Tracer } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { announce } from "./announce.ts"
import { PaymentBooks } from "../books/PaymentBooks.ts"
import { groupCommit } from "@mall/platform/groupCommit"
import { PaymentDraft } from "./PaymentDraft.ts"
import { PaymentNews } from "./PaymentNews.ts"
import { PaymentRepo } from "./PaymentRepo.ts"

const newRefundId = generator(RefundId)

/** Payments that one transaction changes at most. */
const maxBatch = 64

/** One decision about one payment. Its history and its messages continue the trace of `span`. */
export interface Change<A, E> {
  readonly id: PaymentId
  readonly actor: string
  readonly span: Option.Option<Tracer.Span>
  readonly decide: (draft: PaymentDraft) => Effect.Effect<A, E>
}

/** What became of a change. `draft` is there where something was written: it is announced after the commit. */
export interface Changed<A, E> {
  readonly exit: Exit.Exit<A, E | PaymentNotFound>
  readonly draft: PaymentDraft | undefined
}

/** The decision failed with an error of its own, which waits beside the request. */
class DecisionFailed extends Schema.TaggedError<DecisionFailed>()("DecisionFailed", {}) {}

class Ask extends Request.Class<
  { readonly change: Change<void, DecisionFailed> },
  void,
  DecisionFailed | PaymentNotFound
> {}

/** Splits changes so that no payment is in a part twice, each payment's changes staying in order. */
const intoRounds = <A, E>(changes: ReadonlyArray<Change<A, E>>) => {
  const rounds: Array<Map<PaymentId, number>> = []
  const seen = new Map<PaymentId, number>()
  changes.forEach(({ id }, index) => {
    const round = seen.get(id) ?? 0
    seen.set(id, round + 1)
    const members = rounds[round] ?? new Map<PaymentId, number>()
    rounds[round] = members.set(id, index)
  })
  return rounds
}

/**
 * The one way to change payments: lock their intents, read, decide in memory, write in one statement, publish and post, all in
 * one transaction. A decision that fails writes nothing, and spoils no other. Decisions call no channel.
 */
export class PaymentStore extends Context.Service<
  PaymentStore,
  {
    /**
     * Concurrent changes share a transaction, so the cost of each falls as load grows; it is run again on a deadlock, and
     * one by one where the database refuses it. So `decide` may run more than once, each time on a fresh draft.
     *
     * What a `tenant` asks for shares a transaction with the same tenant's changes alone, in which there are no payments but
     * theirs, and in which nothing can be posted: it must say no fact of money.
     */
    change<A, E>(
      id: PaymentId,
      actor: string,
      decide: (draft: PaymentDraft) => Effect.Effect<A, E>,
      tenant?: Tenant
    ): Effect.Effect<A, E | PaymentNotFound>
    /**
     * Within the caller's transaction, at whose end the caller records the drafts in the books, and once it is committed
     * announces them. Answers in the order asked.
     */
    changeAllWithin<A, E>(changes: ReadonlyArray<Change<A, E>>): Effect.Effect<ReadonlyArray<Changed<A, E>>, SqlError>
  }
>()("@mall/payments/store/PaymentStore") {
  static readonly layerNoDeps = Layer.effect(
    PaymentStore,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const books = yield* PaymentBooks
      const repo = yield* PaymentRepo
      const news = yield* PaymentNews
      const risk = yield* RiskCheck

      const changeAllWithin = Effect.fnUntraced(function* <A, E>(changes: ReadonlyArray<Change<A, E>>) {
        const results = new Map<Change<A, E>, Changed<A, E>>()
        const now = yield* DateTime.nowAsDate
        for (const round of intoRounds(changes)) {
          const records = yield* repo.lock([...round.keys()])
          for (const index of round.values()) {
            const change = changes[index]
            if (change === undefined) continue
            const record = records.get(change.id)
            if (record === undefined) {
              const exit = Exit.fail(new PaymentNotFound({ paymentId: change.id }))
              results.set(change, { exit, draft: undefined })
              continue
            }
            const traceId = Option.getOrNull(Option.map(change.span, (span) => span.traceId))
            const context = { now, actor: change.actor, traceId, refundId: yield* newRefundId }
            const draft = new PaymentDraft(record, context)
            const exit = yield* Effect.exit(change.decide(draft))
            results.set(change, { exit, draft: Exit.isSuccess(exit) && draft.isChanged ? draft : undefined })
          }
          const written = [...round.values()].flatMap((index) => {
            const change = changes[index]
            const draft = change === undefined ? undefined : results.get(change)?.draft
            return change === undefined || draft === undefined ? [] : [{ draft, span: change.span }]
          })
          yield* repo.save(written.map(({ draft }) => draft))
          yield* news.publish(written)
        }
        return changes.flatMap((change) => results.get(change) ?? [])
      })

      const commitOf = (tenant: Tenant | undefined) =>
        Effect.fnUntraced(function* (entries: ReadonlyArray<Request.Entry<Ask>>) {
          const results = yield* changeAllWithin(entries.map(({ request }) => request.change)).pipe(
            Effect.tap((results) =>
              books.record(
                results.flatMap(({ draft }) => draft ?? []),
                []
              )
            ),
            transactionOf(sql, "mall_pay_tenant", tenant),
            retryConflicts
          )
          yield* Effect.forEach(results, ({ draft }) => (draft === undefined ? Effect.void : announce(draft, risk)), {
            discard: true
          })
          entries.forEach(({ completeUnsafe }, index) => completeUnsafe(results[index]?.exit ?? Exit.interrupt()))
        })

      const ask = groupByTenant((tenant) => groupCommit<Ask>({ commit: commitOf(tenant), refused: Exit.die, maxBatch }))

      const change = Effect.fn("PaymentStore.change")(function* <A, E>(
        id: PaymentId,
        actor: string,
        decide: (draft: PaymentDraft) => Effect.Effect<A, E>,
        tenant?: Tenant
      ): Effect.fn.Return<A, E | PaymentNotFound> {
        yield* Effect.annotateCurrentSpan({ paymentId: id, actor })
        const span = yield* Effect.option(Effect.currentSpan)
        const decided = yield* Ref.make<Exit.Exit<A, E>>(Exit.interrupt())
        const change: Change<void, DecisionFailed> = {
          id,
          actor,
          span,
          decide: (draft) =>
            Effect.exit(decide(draft)).pipe(
              Effect.tap((exit) => Ref.set(decided, exit)),
              Effect.flatMap((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.fail(new DecisionFailed())))
            )
        }
        yield* ask(new Ask({ change }), tenant).pipe(Effect.catchTag("DecisionFailed", () => Effect.void))
        return yield* yield* Ref.get(decided)
      })

      return PaymentStore.of({ change, changeAllWithin })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(
    Layer.provide(PaymentNews.layer),
    Layer.provideMerge(PaymentBooks.layerNoDeps),
    Layer.provideMerge(PaymentRepo.layer)
  )
}
