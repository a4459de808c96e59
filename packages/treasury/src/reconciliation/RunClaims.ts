import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { BillTotal } from "@mall/domain/treasury/Bill"
import { RunCounts, RunId, RunStatus } from "@mall/domain/treasury/Run"
import type { Run, RunStage } from "@mall/domain/treasury/Run"
import { Context, DateTime, Duration, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Act } from "./DifferenceRepo.ts"
import { ReconciliationConfig } from "./ReconciliationConfig.ts"
import { claimable, ofAccount, RunRepo } from "./RunRepo.ts"

const ClaimId = Uuid7.pipe(Schema.brand("ReconciliationClaimId"))
export type ClaimId = typeof ClaimId.Type
const newClaimId = generator(ClaimId)

/** A worker's hold on a run. It is worth nothing once another worker has the run. */
export interface Claim {
  readonly id: ClaimId
  readonly run: Run
}

/** Why a try came to nothing: the channel gave no bill yet, or none that can be read, or it is ours. */
export interface Failure {
  readonly kind: "unavailable" | "malformed" | "internal"
  /** One sentence. */
  readonly text: string
}

/** How far a worker is. */
export interface Progress {
  readonly stage: RunStage
  readonly lines: number
  readonly records: number
  readonly matched: number
}

const Before = Schema.Struct({ status: RunStatus, claimId: Schema.NullOr(ClaimId) })
const decodeFormer = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ id: RunId, attempt: Schema.Int })))
const countsJson = Schema.encodeSync(Schema.fromJsonString(RunCounts))
const totalsJson = Schema.encodeSync(Schema.fromJsonString(Schema.Array(BillTotal)))

/**
 * What workers do with runs. A claim lasts as long as it is renewed; of one that was not, another worker takes the run over and
 * drops what the first had staged.
 */
export class RunClaims extends Context.Service<
  RunClaims,
  {
    /** Begins it; none where it is not due, or another worker has it. */
    claim(id: RunId, actor: string): Effect.Effect<Option.Option<Claim>, SqlError>
    /** Says how far it is; false where another worker has the run meanwhile. */
    renew(claim: Claim, progress?: Progress): Effect.Effect<boolean, SqlError>
    /** Needs a transaction, until whose end nobody takes the run over; false as for `renew`. */
    hold(claim: Claim): Effect.Effect<boolean, SqlError>
    /** Needs the transaction of `hold`. It counts from now on, in the place of the former one of its day. */
    complete(
      claim: Claim,
      result: Pick<Run, "lines" | "records" | "sha256" | "totals"> & { readonly counts: RunCounts },
      act: Act
    ): Effect.Effect<void, SqlError>
    /** Needs a transaction. Nothing is kept but `failure`; it is given up where it is not tried again. */
    fail(claim: Claim, failure: Failure, nextAttemptAt: Date | null, act: Act): Effect.Effect<void, SqlError>
    /** Needs a transaction. Another worker may begin it now. */
    release(claim: Claim, act: Act): Effect.Effect<void, SqlError>
  }
>()("@mall/treasury/reconciliation/RunClaims") {
  static readonly layerNoDeps = Layer.effect(
    RunClaims,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* RunRepo
      const { lease } = yield* ReconciliationConfig
      const until = (now: Date) => new Date(now.getTime() + Duration.toMillis(lease))

      const drop = Effect.fnUntraced(function* (id: ClaimId) {
        yield* sql`DELETE FROM treasury.bill_lines WHERE claim_id = ${id}`
        yield* sql`DELETE FROM treasury.compared_records WHERE claim_id = ${id}`
      })

      const lockDue = SqlSchema.findOneOption({
        Request: Schema.Struct({ id: Schema.String, now: Schema.Date }),
        Result: Before,
        execute: ({ id, now }) => sql`
          SELECT r.status, r.claim_id FROM treasury.reconciliation_runs AS r
          WHERE r.id = ${id} AND ${claimable(sql, now)} FOR UPDATE SKIP LOCKED`
      })

      const claim = Effect.fnUntraced(
        function* (id: RunId, actor: string) {
          const now = yield* DateTime.nowAsDate
          const before = yield* lockDue({ id, now })
          if (Option.isNone(before)) return Option.none()
          const { claimId: former, status } = before.value
          if (status === "running" && former !== null) yield* drop(former)
          const claimId = yield* newClaimId
          yield* sql`
            UPDATE treasury.reconciliation_runs
            SET status = 'running', stage = 'fetching', claim_id = ${claimId}, lease_until = ${until(now)}, attempt = attempt + 1,
              lines = 0, records = 0, matched = 0, failure = NULL, failure_kind = NULL, next_attempt_at = NULL, started_at = ${now}, finished_at = NULL
            WHERE id = ${id}`
          const run = yield* Effect.flatMap(repo.find(id), Effect.fromOption)
          const reason = status === "running" ? "its worker stopped in the middle" : "a worker began"
          yield* repo.tell(run, status, "running", { actor, reason, traceId: run.traceId, now })
          return Option.some<Claim>({ id: claimId, run })
        },
        sql.withTransaction,
        Effect.catchTags({ SchemaError: Effect.die, NoSuchElementError: Effect.die })
      )

      const isHeld = (rows: ReadonlyArray<unknown>) => rows.length > 0

      const end = Effect.fnUntraced(function* (
        held: Claim,
        to: RunStatus,
        act: Act,
        change: Effect.Effect<ReadonlyArray<unknown>, SqlError>
      ) {
        if (isHeld(yield* change)) yield* repo.tell(held.run, "running", to, act)
        yield* drop(held.id)
      })

      return RunClaims.of({
        claim,
        renew: Effect.fnUntraced(function* ({ id, run }, progress) {
          const leaseUntil = until(yield* DateTime.nowAsDate)
          const { lines, matched, records, stage } = progress ?? {}
          const rows = yield* sql`
            UPDATE treasury.reconciliation_runs
            SET lease_until = ${leaseUntil}, stage = coalesce(${stage ?? null}, stage), lines = coalesce(${lines ?? null}, lines),
              records = coalesce(${records ?? null}, records), matched = coalesce(${matched ?? null}, matched)
            WHERE id = ${run.id} AND claim_id = ${id} AND status = 'running' RETURNING id`
          return isHeld(rows)
        }),
        hold: ({ id, run }) =>
          Effect.map(
            sql`
              SELECT FROM treasury.reconciliation_runs
              WHERE id = ${run.id} AND claim_id = ${id} AND status = 'running' FOR UPDATE`,
            isHeld
          ),
        complete: Effect.fnUntraced(
          function* (held, { counts, lines, records, sha256, totals }, act) {
            const { run } = held
            const former = yield* sql`
            UPDATE treasury.reconciliation_runs AS r SET status = 'superseded'
            WHERE ${ofAccount(sql, "r", run)} AND r.day = ${run.day}::text::date AND r.status = 'completed'
            RETURNING r.id, r.attempt`
            for (const one of yield* decodeFormer(former)) {
              yield* repo.tell(one, "completed", "superseded", { ...act, reason: `the run ${run.id} took its place` })
            }
            yield* end(
              held,
              "completed",
              act,
              sql`
              UPDATE treasury.reconciliation_runs
              SET status = 'completed', stage = NULL, lease_until = NULL, lines = ${lines}, records = ${records},
                matched = ${counts.matched}, sha256 = ${sha256}, counts = ${countsJson(counts)}::jsonb,
                totals = ${totalsJson(totals)}::jsonb, finished_at = ${act.now}
              WHERE id = ${run.id} RETURNING id`
            )
          },
          Effect.catchTag("SchemaError", Effect.die)
        ),
        fail: (held, failure, nextAttemptAt, act) =>
          end(
            held,
            "failed",
            act,
            sql`
              UPDATE treasury.reconciliation_runs
              SET status = 'failed', lease_until = NULL, failure = ${failure.text}, failure_kind = ${failure.kind}, next_attempt_at = ${nextAttemptAt},
                finished_at = ${act.now}
              WHERE id = ${held.run.id} AND claim_id = ${held.id} AND status = 'running' RETURNING id`
          ),
        release: (held, act) =>
          end(
            held,
            "queued",
            act,
            sql`
              UPDATE treasury.reconciliation_runs SET status = 'queued', lease_until = NULL
              WHERE id = ${held.run.id} AND claim_id = ${held.id} AND status = 'running' RETURNING id`
          )
      })
    })
  )
}
