import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { RiskReviewClosed, RiskReviewNotFound } from "@mall/domain/risk/RiskError"
import { ReviewChange, ReviewId, reviewLifecycle, ReviewStatus, RiskReview } from "@mall/domain/risk/RiskRecord"
import type { RiskReviewDetails } from "@mall/domain/risk/RiskRecord"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Metric, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { PageRequest } from "./RiskChecks.ts"
import { RiskChecks } from "./RiskChecks.ts"

export interface ReviewFilter extends PageRequest {
  readonly status?: ReviewStatus | undefined
}

/** Who decides, and why: both are in the history. */
export interface Ruling {
  readonly actor: string
  readonly reason: string
}

const cursor = cursorOf(Schema.Struct({ id: ReviewId }))
const decodeReviews = Schema.decodeUnknownEffect(Schema.Array(RiskReview))
const maxChecks = 100

const reviewTotal = Metric.counter("risk_review_total", {
  description: "Reviews of payments by how they ended",
  incremental: true
})

/** Payments that wait for a person. Until one decides, or their time is over, nobody can pay them. */
export class RiskReviews extends Context.Service<
  RiskReviews,
  {
    /** Newest first. */
    list(filter: ReviewFilter): Effect.Effect<Page<RiskReview>, InvalidCursor>
    show(id: ReviewId): Effect.Effect<RiskReviewDetails, RiskReviewNotFound>
    /** The same decision again changes nothing; another one, or one that comes too late, is a conflict. */
    approve(id: ReviewId, ruling: Ruling): Effect.Effect<RiskReview, RiskReviewNotFound | RiskReviewClosed>
    reject(id: ReviewId, ruling: Ruling): Effect.Effect<RiskReview, RiskReviewNotFound | RiskReviewClosed>
    /** Ends reviews whose time is over; answers with how many. */
    expire(limit: number): Effect.Effect<number>
  }
>()("@mall/risk/RiskReviews") {
  static readonly layerNoDeps = Layer.effect(
    RiskReviews,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const checks = yield* RiskChecks
      const audit = yield* makeAuditRecorder

      const select = SqlSchema.findAll({
        Request: Schema.String,
        Result: RiskReview,
        execute: (id) => sql`SELECT r.* FROM risk.reviews AS r WHERE r.id = ${id}`
      })
      const lock = SqlSchema.findAll({
        Request: Schema.String,
        Result: RiskReview,
        execute: (id) => sql`SELECT r.* FROM risk.reviews AS r WHERE r.id = ${id} FOR UPDATE`
      })
      const lockDue = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, limit: Schema.Int }),
        Result: RiskReview,
        execute: ({ limit, now }) => sql`
          SELECT r.* FROM risk.reviews AS r WHERE r.status = 'open' AND r.expires_at <= ${now}
          ORDER BY r.expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`
      })
      const selectHistory = SqlSchema.findAll({
        Request: Schema.String,
        Result: ReviewChange,
        execute: (id) => sql`SELECT h.* FROM risk.review_history AS h WHERE h.review_id = ${id} ORDER BY h.id`
      })

      /** Of a review that is locked. */
      const move = Effect.fnUntraced(function* (review: RiskReview, to: ReviewStatus, { actor, reason }: Ruling) {
        if (!reviewLifecycle.can(review.status, to)) {
          return yield* Effect.die(new Error(`A review cannot go from ${review.status} to ${to}`))
        }
        const now = yield* DateTime.nowAsDate
        yield* sql`
          WITH moved AS (
            UPDATE risk.reviews SET status = ${to}, decided_by = ${actor}, reason = ${reason}, updated_at = ${now}
            WHERE id = ${review.id}
          )
          INSERT INTO risk.review_history (review_id, from_status, to_status, actor, reason, trace_id, at)
          VALUES (${review.id}, ${review.status}, ${to}, ${actor}, ${reason}, ${yield* currentTraceId}, ${now})`
        return new RiskReview({ ...review, status: to, decidedBy: actor, reason, updatedAt: now })
      })

      const counted = (status: ReviewStatus) => Metric.update(Metric.withAttributes(reviewTotal, { status }), 1)

      const settle = (to: "approved" | "rejected") =>
        Effect.fn(`RiskReviews.${to}`)(
          function* (id: ReviewId, ruling: Ruling) {
            const [review] = yield* lock(id)
            if (review === undefined) return yield* new RiskReviewNotFound({ review: id })
            if (review.status === to) return review
            if (review.status !== "open") return yield* new RiskReviewClosed({ reviewStatus: review.status })
            // The sweep may be late: what is over is over.
            if (review.expiresAt <= (yield* DateTime.nowAsDate)) {
              return yield* new RiskReviewClosed({ reviewStatus: "expired" })
            }
            const settled = yield* move(review, to, ruling)
            yield* sql.afterCommit(counted(to))
            yield* audit.record({
              action: to === "approved" ? "risk_review.approve" : "risk_review.reject",
              resource: { type: "risk_review", id },
              reason: ruling.reason,
              before: { status: review.status },
              after: { status: to }
            })
            return settled
          },
          sql.withTransaction,
          retryConflicts,
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        )

      const expire = Effect.fn("RiskReviews.expire")(
        function* (limit: number) {
          const due = yield* lockDue({ now: yield* DateTime.nowAsDate, limit })
          for (const review of due) {
            yield* move(review, "expired", { actor: "sweep", reason: "nobody decided in time" })
            yield* sql.afterCommit(counted("expired"))
          }
          return due.length
        },
        sql.withTransaction,
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
      )

      return RiskReviews.of({
        list: Effect.fn("RiskReviews.list")(
          function* ({ after, limit = defaultLimit, status }) {
            const clauses = [
              sql`true`,
              ...(status === undefined ? [] : [sql`r.status = ${status}`]),
              ...(after === undefined ? [] : [sql`r.id < ${(yield* cursor.decode(after)).id}`])
            ]
            const rows = yield* sql`
              SELECT r.* FROM risk.reviews AS r WHERE ${sql.and(clauses)} ORDER BY r.id DESC LIMIT ${limit + 1}`
            return toPage(yield* decodeReviews(rows), limit, ({ id }) => cursor.encode({ id }))
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        show: Effect.fn("RiskReviews.show")(
          function* (id) {
            const [review] = yield* select(id)
            if (review === undefined) return yield* new RiskReviewNotFound({ review: id })
            const { data } = yield* checks.list({ paymentId: review.paymentId, limit: maxChecks })
            return { review, checks: data, history: yield* selectHistory(id) }
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die, InvalidCursor: Effect.die })
        ),
        approve: settle("approved"),
        reject: settle("rejected"),
        expire
      })
    })
  )
}
