import { Currency } from "@mall/domain/kernel/Currency"
import { Journal } from "@mall/domain/ledger/Journal"
import { FeeSchedule } from "@mall/domain/merchants/FeeSchedule"
import { PaymentQuotas } from "@mall/domain/merchants/PaymentQuotas"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { inSnapshot } from "@mall/platform/inSnapshot"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { DisputeNews } from "../disputes/DisputeStore.ts"
import type { PaymentDraft } from "../store/PaymentDraft.ts"
import { PaymentRepo } from "../store/PaymentRepo.ts"
import { disputeCaseOf, postingOfDisputeFee } from "./disputeFees.ts"
import { chargeablesOf, postingOfFee, quotaOutcomesOf } from "./feesOf.ts"
import { postingsOfDispute, postingsOfPayment, postingsOfRecord } from "./postingsOf.ts"

/** A payment whose books say something else than its rows; `booked` is null where it was never posted. */
interface Difference {
  readonly paymentId: PaymentId
  readonly held: number
  readonly booked: number | null
  readonly merchantId: MerchantId | null
  readonly currency: Currency
}

/** One page of payments, compared in one snapshot. */
interface Compare {
  readonly differences: ReadonlyArray<Difference>
  readonly count: number
  readonly last: PaymentId | undefined
}

/** What a walk over all payments found; `first` are the first of the differences. */
interface BooksReport {
  readonly payments: number
  readonly differences: number
  readonly first: ReadonlyArray<Difference>
}

const HeldRow = Schema.Struct({
  paymentId: PaymentId,
  merchantId: Schema.NullOr(MerchantId),
  currency: Currency,
  held: Schema.Int
})

/** Which payments a look compares: all, those that changed since a time, or these. */
export type Compared =
  | { readonly type: "all" }
  | { readonly type: "since"; readonly since: Date }
  | { readonly type: "subjects"; readonly ids: ReadonlyArray<string> }

/** Payments that one question reads. */
const pageSize = 500
const start = "00000000-0000-0000-0000-000000000000"
const maxNamed = 20

/**
 * Payments in the ledger: what is captured, given back and disputed is posted with the state that says so, and with it what its
 * merchant pays for it and what it takes of their quota.
 */
export class PaymentBooks extends Context.Service<
  PaymentBooks,
  {
    /** Joins the ambient transaction. To be called once in it, and last, since it holds rows of busy accounts until the end. */
    record(drafts: ReadonlyArray<PaymentDraft>, news: ReadonlyArray<DisputeNews>): Effect.Effect<void, SqlError>
    /** Compares every payment, captured less given back, with the ledger, page by page. Each difference is logged as an error. */
    readonly verify: Effect.Effect<BooksReport>
    /** The same of one page; `last` is where the next begins. */
    look(compared: Compared, after: string | null): Effect.Effect<Compare, SqlError>
    /** Posts payments that were captured before there was a ledger; answers with how many. The same again changes nothing. */
    backfill(actor: string): Effect.Effect<number>
  }
>()("@mall/payments/books/PaymentBooks") {
  static readonly layerNoDeps = Layer.effect(
    PaymentBooks,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const fees = yield* FeeSchedule
      const journal = yield* Journal
      const quotas = yield* PaymentQuotas
      const repo = yield* PaymentRepo

      const decodeHeld = Schema.decodeUnknownEffect(Schema.Array(HeldRow))

      const among = (compared: Compared) => {
        switch (compared.type) {
          case "all":
            return sql`true`
          case "since":
            return sql`i.updated_at >= ${compared.since}`
          case "subjects":
            return sql`i.id = ANY(${compared.ids}::uuid[])`
        }
      }

      const readHeld = (compared: Compared, after: string) =>
        Effect.flatMap(
          sql`
            SELECT i.id AS payment_id, i.merchant_id, i.currency, (
              coalesce((SELECT sum(a.amount) FROM payments.attempts AS a
                WHERE a.payment_id = i.id AND a.status = 'succeeded'), 0)
              - coalesce((SELECT sum(r.amount) FROM payments.refunds AS r
                WHERE r.payment_id = i.id AND r.status = 'succeeded'), 0))::bigint AS held
            FROM payments.intents AS i
            WHERE i.captured > 0 AND ${among(compared)} AND i.id > ${after}::uuid ORDER BY i.id LIMIT ${pageSize}`,
          decodeHeld
        )

      /** Of one moment, so that a capture between two questions is no difference. */
      const compare = Effect.fnUntraced(function* (compared: Compared, after: string) {
        const rows = yield* readHeld(compared, after)
        const booked = yield* journal.held(rows.map(({ paymentId }) => paymentId))
        const differences = rows.flatMap((row): ReadonlyArray<Difference> => {
          const inBooks = booked.get(row.paymentId) ?? null
          return inBooks === row.held ? [] : [{ ...row, booked: inBooks }]
        })
        return { differences, count: rows.length, last: rows.length < pageSize ? undefined : rows.at(-1)?.paymentId }
      }, inSnapshot(sql))

      const walk = Effect.fnUntraced(
        function* (each: (difference: Difference) => Effect.Effect<void, SqlError>) {
          const first: Array<Difference> = []
          let payments = 0
          let differences = 0
          let after: string | undefined = start
          while (after !== undefined) {
            const page: Compare = yield* compare({ type: "all" }, after)
            payments += page.count
            differences += page.differences.length
            first.push(...page.differences.slice(0, maxNamed - first.length))
            yield* Effect.forEach(page.differences, each, { discard: true })
            after = page.last
          }
          return { payments, differences, first }
        },
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
      )

      const fill = Effect.fnUntraced(
        function* (id: PaymentId, actor: string) {
          const record = (yield* repo.lock([id])).get(id)
          if (record !== undefined) yield* journal.record(postingsOfRecord(record, actor))
        },
        sql.withTransaction,
        retryConflicts
      )

      return PaymentBooks.of({
        record: Effect.fnUntraced(function* (drafts, news) {
          const traceId = yield* currentTraceId
          yield* quotas.settle(drafts.flatMap(quotaOutcomesOf))
          const { captures, circumstances, refunds } = chargeablesOf(drafts)
          const movements = yield* fees.charge(captures, refunds)
          // of one that changed twice at once, as it stands in the end
          const cases = new Map(news.flatMap(({ to }) => disputeCaseOf(to).map((each) => [to.id, each] as const)))
          const at = yield* DateTime.nowAsDate
          const disputed = cases.size === 0 ? [] : yield* fees.chargeDisputes([...cases.values()], at)
          const postings = [
            ...drafts.flatMap(postingsOfPayment),
            ...movements.map((movement) => postingOfFee(movement, circumstances)),
            ...news.flatMap((change) => postingsOfDispute(change, traceId)),
            ...disputed.flatMap((movement) => postingOfDisputeFee(movement, news, traceId))
          ]
          if (postings.length > 0) yield* journal.record(postings)
        }),
        verify: walk(({ booked, held, paymentId }) =>
          Effect.logError("a payment and the ledger disagree").pipe(Effect.annotateLogs({ paymentId, held, booked }))
        ).pipe(Effect.withSpan("PaymentBooks.verify")),
        look: (compared, after) => compare(compared, after ?? start).pipe(Effect.catchTag("SchemaError", Effect.die)),
        backfill: Effect.fn("PaymentBooks.backfill")(function* (actor) {
          let count = 0
          yield* walk(({ booked, paymentId }) => {
            if (booked !== null) return Effect.void
            count++
            return fill(paymentId, actor)
          })
          return count
        })
      })
    })
  )
}
