import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { MemberKind, RiskFacts, SubjectKind, subjectsOf } from "@mall/domain/risk/Fact"
import type { Subject } from "@mall/domain/risk/Fact"
import { ChallengeNeed, ListName, ReviewStatus, RiskHit } from "@mall/domain/risk/RiskRecord"
import type { ReviewId, RiskCheckRecord } from "@mall/domain/risk/RiskRecord"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Need } from "./compile.ts"

/** What there is to know when a check begins. */
const Observed = Schema.Struct({
  windows: Schema.Array(
    Schema.Struct({
      by: SubjectKind,
      within: Schema.Int,
      checks: Schema.Int,
      declines: Schema.Int,
      amount: Schema.Int
    })
  ),
  distincts: Schema.Array(Schema.Struct({ by: SubjectKind, of: MemberKind, within: Schema.Int, members: Schema.Int })),
  lists: Schema.Array(ListName),
  review: Schema.NullOr(ReviewStatus),
  challenges: Schema.Array(
    Schema.Struct({ needs: Schema.NullOr(ChallengeNeed), channel: Schema.String, method: Schema.String })
  )
})
export type Observed = typeof Observed.Type

const factsJson = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(RiskFacts)))
const hitsJson = Schema.encodeSync(Schema.fromJsonString(Schema.Array(RiskHit)))
const decodeObserved = Schema.decodeUnknownEffect(Schema.NonEmptyArray(Schema.Struct({ observed: Observed })))

/** By what a list may name the check. */
const listedOf = (facts: RiskFacts): ReadonlyArray<{ readonly kind: string; readonly value: string }> => [
  ...subjectsOf(facts),
  ...(facts.ipCountry === null ? [] : [{ kind: "country", value: facts.ipCountry }])
]

const talliesOf = (needs: ReadonlyArray<Need>) => needs.filter(({ type }) => type === "tally")

export interface NewReview {
  readonly id: ReviewId
  readonly expiresAt: Date
}

/** What a check reads and writes. */
export class RiskRepo extends Context.Service<
  RiskRepo,
  {
    /** Counts the try for what the rules ask, and reads what they need to know of it, in one round trip. */
    observe(
      paymentId: PaymentId,
      facts: RiskFacts,
      at: Date,
      needs: ReadonlyArray<Need>
    ): Effect.Effect<Observed, SqlError>
    /** Keeps the check; with a review, unless the payment has one. */
    keep(check: RiskCheckRecord, review: NewReview | undefined): Effect.Effect<void, SqlError>
    /** Counts, for what the rules ask, that the channel declined what was let pass last. */
    decline(paymentId: PaymentId, at: Date, needs: ReadonlyArray<Need>): Effect.Effect<void, SqlError>
  }
>()("@mall/risk/RiskRepo") {
  static readonly layer = Layer.effect(
    RiskRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const observe = Effect.fnUntraced(
        function* (paymentId: PaymentId, facts: RiskFacts, at: Date, needs: ReadonlyArray<Need>) {
          const subjects = subjectsOf(facts)
          const listed = listedOf(facts)
          const tallies = talliesOf(needs)
          const distincts = needs.flatMap((need) => (need.type === "distinct" ? [need] : []))
          const rows = yield* sql`
            SELECT risk.observe(${paymentId}, ${at}, ${facts.amount}, ${facts.currency},
              ${subjects.map(({ kind }) => kind)}::text[], ${subjects.map(({ value }) => value)}::text[],
              ${listed.map(({ kind }) => kind)}::text[], ${listed.map(({ value }) => value)}::text[],
              ${tallies.map(({ by }) => by)}::text[], ${tallies.map(({ within }) => within)}::int[],
              ${distincts.map(({ by }) => by)}::text[], ${distincts.map(({ of }) => of)}::text[],
              ${distincts.map(({ within }) => within)}::int[]) AS observed`
          const [{ observed }] = yield* decodeObserved(rows)
          return observed
        },
        Effect.catchTag("SchemaError", Effect.die),
        retryConflicts
      )

      const insertCheck = (check: RiskCheckRecord) => sql`
        INSERT INTO risk.checks (id, payment_id, at, facts, verdict, decided_by, score, hits, shadow_verdict, needs, trace_id)
        SELECT ${check.id}, ${check.paymentId}, ${check.at}, ${factsJson(check.facts)}::jsonb, ${check.verdict},
          ${check.decidedBy}, ${check.score}, ${hitsJson(check.hits)}::jsonb, ${check.shadowVerdict}, ${check.needs}, ${check.traceId}
        FROM set_config('synchronous_commit', ${check.verdict === "allow" ? "off" : "on"}, true)`

      /** In one statement, which is one round trip; what is written together is seen together without a transaction of its own. */
      const insertWithReview = (check: RiskCheckRecord, { expiresAt, id }: NewReview) => sql`
        WITH kept AS (${insertCheck(check)}), opened AS (
          INSERT INTO risk.reviews (id, payment_id, check_id, status, expires_at, created_at, updated_at)
          VALUES (${id}, ${check.paymentId}, ${check.id}, 'open', ${expiresAt}, ${check.at}, ${check.at})
          ON CONFLICT (payment_id) DO NOTHING
          RETURNING id
        )
        INSERT INTO risk.review_history (review_id, to_status, actor, reason, trace_id, at)
        SELECT id, 'open', 'risk', ${check.hits.map(({ rule }) => rule).join(", ") || "score"}, ${check.traceId},
          ${check.at}::timestamptz FROM opened`

      const declined = SqlSchema.findAll({
        Request: Schema.Struct({ paymentId: Schema.String, at: Schema.Date }),
        Result: Schema.Struct({ facts: RiskFacts }),
        execute: ({ at, paymentId }) => sql`
          UPDATE risk.checks AS c SET declined_at = ${at}
          WHERE c.id = (SELECT d.id FROM risk.checks AS d
            WHERE d.payment_id = ${paymentId} AND d.verdict = 'allow' ORDER BY d.id DESC LIMIT 1)
            AND c.declined_at IS NULL
          RETURNING c.facts`
      })

      const countDecline = (
        subjects: ReadonlyArray<Subject>,
        currency: string,
        at: Date,
        tallies: ReadonlyArray<Need>
      ) => sql`
        INSERT INTO risk.windows AS w (kind, value, grain, bucket, currency, checks, declines, amount)
        SELECT s.kind, s.value, g.grain, floor(extract(epoch FROM ${at}::timestamptz))::bigint / g.grain, ${currency}, 0, 1, 0
        FROM unnest(${subjects.map(({ kind }) => kind)}::text[], ${subjects.map(({ value }) => value)}::text[])
          AS s (kind, value)
        JOIN (
          SELECT DISTINCT q.by_kind AS kind, CASE WHEN q.within <= 3600 THEN 60 ELSE 3600 END AS grain
          FROM unnest(${tallies.map(({ by }) => by)}::text[], ${tallies.map(({ within }) => within)}::int[])
            AS q (by_kind, within)
        ) AS g ON g.kind = s.kind
        ORDER BY 1, 2, 3
        ON CONFLICT (kind, value, grain, bucket, currency) DO UPDATE SET declines = w.declines + 1`

      const decline = Effect.fnUntraced(
        function* (paymentId: PaymentId, at: Date, needs: ReadonlyArray<Need>) {
          for (const { facts } of yield* declined({ paymentId, at })) {
            yield* countDecline(subjectsOf(facts), facts.currency, at, talliesOf(needs))
          }
        },
        Effect.catchTag("SchemaError", Effect.die),
        sql.withTransaction,
        retryConflicts
      )

      return RiskRepo.of({
        observe,
        keep: (check, review) =>
          review === undefined ? Effect.asVoid(insertCheck(check)) : Effect.asVoid(insertWithReview(check, review)),
        decline
      })
    })
  )
}
