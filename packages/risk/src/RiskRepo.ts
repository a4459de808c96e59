import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { RiskFacts, subjectsOf } from "@mall/domain/risk/Fact"
import type { MemberKind, SubjectKind } from "@mall/domain/risk/Fact"
import { ChallengeNeed, ListName, ReviewStatus, RiskHit } from "@mall/domain/risk/RiskRecord"
import type { ReviewId, RiskCheckRecord } from "@mall/domain/risk/RiskRecord"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Need, Tally } from "./compile.ts"
import { bucketsOf, grainOf, isDistinct, isTally, ofKnown, pairsOf } from "./counting.ts"

const Challenge = Schema.Struct({ needs: Schema.NullOr(ChallengeNeed), channel: Schema.String, method: Schema.String })

/** The columns of `risk.observe`: of each window and each count of members that was asked for, in that order. */
const Counted = Schema.Struct({
  checks: Schema.Array(Schema.Int),
  declines: Schema.Array(Schema.Int),
  amounts: Schema.Array(Schema.Int),
  members: Schema.Array(Schema.Int),
  lists: Schema.Array(ListName),
  review: Schema.NullOr(ReviewStatus),
  challenges: Schema.Array(Challenge)
})

/** What there is to know when a check begins. */
export interface Observed extends Pick<typeof Counted.Type, "lists" | "review" | "challenges"> {
  readonly windows: ReadonlyArray<Tally & { readonly by: SubjectKind; readonly within: number }>
  readonly distincts: ReadonlyArray<{
    readonly by: SubjectKind
    readonly of: MemberKind
    readonly within: number
    readonly members: number
  }>
}

const factsJson = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(RiskFacts)))
const hitsJson = Schema.encodeSync(Schema.fromJsonString(Schema.Array(RiskHit)))
const decodeCounted = Schema.decodeUnknownEffect(Schema.NonEmptyArray(Counted))

/** By what a list may name the check. */
const listedOf = (facts: RiskFacts): ReadonlyArray<{ readonly kind: string; readonly value: string }> => [
  ...subjectsOf(facts),
  ...(facts.ipCountry === null ? [] : [{ kind: "country", value: facts.ipCountry }])
]

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
          const buckets = bucketsOf(subjects, needs)
          const pairs = pairsOf(subjects, needs)
          const windows = ofKnown(subjects, needs.filter(isTally))
          const distincts = ofKnown(subjects, needs.filter(isDistinct))
          const rows = yield* sql`
            SELECT * FROM risk.observe(${paymentId}, ${at}, ${facts.amount}, ${facts.currency},
              ${buckets.map(({ kind }) => kind)}::text[], ${buckets.map(({ value }) => value)}::text[],
              ${buckets.map(({ grain }) => grain)}::int[],
              ${pairs.map(({ kind }) => kind)}::text[], ${pairs.map(({ value }) => value)}::text[],
              ${pairs.map(({ memberKind }) => memberKind)}::text[], ${pairs.map(({ member }) => member)}::text[],
              ${windows.map(({ need }) => need.by)}::text[], ${windows.map(({ value }) => value)}::text[],
              ${windows.map(({ need }) => grainOf(need.within))}::int[], ${windows.map(({ need }) => need.within)}::int[],
              ${distincts.map(({ need }) => need.by)}::text[], ${distincts.map(({ value }) => value)}::text[],
              ${distincts.map(({ need }) => need.of)}::text[], ${distincts.map(({ need }) => need.within)}::int[],
              ${listed.map(({ kind }) => kind)}::text[], ${listed.map(({ value }) => value)}::text[])`
          const [{ amounts, challenges, checks, declines, lists, members, review }] = yield* decodeCounted(rows)
          const observed: Observed = {
            windows: windows.map(({ need: { by, within } }, place) => ({
              by,
              within,
              checks: checks[place] ?? 0,
              declines: declines[place] ?? 0,
              amount: amounts[place] ?? 0
            })),
            distincts: distincts.map(({ need: { by, of, within } }, place) => ({
              by,
              of,
              within,
              members: members[place] ?? 0
            })),
            lists,
            review,
            challenges
          }
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

      const countDecline = (facts: RiskFacts, at: Date, needs: ReadonlyArray<Need>) => {
        const buckets = bucketsOf(subjectsOf(facts), needs)
        return sql`
        INSERT INTO risk.windows AS w (kind, value, grain, bucket, currency, checks, declines, amount)
        SELECT c.kind, c.value, c.grain, floor(extract(epoch FROM ${at}::timestamptz))::bigint / c.grain,
          ${facts.currency}, 0, 1, 0
        FROM unnest(${buckets.map(({ kind }) => kind)}::text[], ${buckets.map(({ value }) => value)}::text[],
          ${buckets.map(({ grain }) => grain)}::int[]) AS c (kind, value, grain)
        ON CONFLICT (kind, value, grain, bucket, currency) DO UPDATE SET declines = w.declines + 1`
      }

      const decline = Effect.fnUntraced(
        function* (paymentId: PaymentId, at: Date, needs: ReadonlyArray<Need>) {
          for (const { facts } of yield* declined({ paymentId, at })) {
            yield* countDecline(facts, at, needs)
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
