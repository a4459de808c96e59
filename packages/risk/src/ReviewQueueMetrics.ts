import { DateTime, Duration, Effect, Layer, Metric, Schedule, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const interval = Duration.seconds(30)

const openReviews = Metric.gauge("risk_review_open", { description: "Payments that wait for a person" })
const oldestReview = Metric.gauge("risk_review_oldest_age_seconds", {
  description: "How long the oldest of the payments that wait for a person has waited"
})

/** Measures the payments in review each half minute. For the worker role. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const select = SqlSchema.findOne({
      Request: Schema.Date,
      Result: Schema.Struct({ open: Schema.Int, ageSeconds: Schema.Finite }),
      execute: (now) => sql`
        SELECT count(*) AS open,
          greatest(0, coalesce(extract(epoch FROM ${now}::timestamptz - min(r.created_at)), 0))::float8 AS age_seconds
        FROM risk.reviews AS r WHERE r.status = 'open'`
    })
    const measure = Effect.gen(function* () {
      const { ageSeconds, open } = yield* select(yield* DateTime.nowAsDate)
      yield* Metric.update(openReviews, open)
      yield* Metric.update(oldestReview, ageSeconds)
    })
    yield* measure.pipe(
      Effect.catchTags({
        SqlError: (error) => Effect.logWarning("The payments in review could not be measured", error.message),
        SchemaError: Effect.die,
        NoSuchElementError: Effect.die
      }),
      Effect.repeat(Schedule.spaced(interval)),
      Effect.forkScoped
    )
  })
)
