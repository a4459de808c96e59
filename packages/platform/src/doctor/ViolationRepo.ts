import { AccountCode } from "@mall/domain/ledger/Account"
import { Finding, Subject, Violation, ViolationChange, ViolationId } from "@mall/domain/operations/Doctor"
import type { Violation as ViolationType } from "@mall/domain/operations/Doctor"
import { generator } from "@mall/domain/kernel/Id"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Check } from "./Checks.ts"

const newViolationId = generator(ViolationId)

const { subject: _subject, ...rest } = Violation.fields
const ViolationRow = Schema.Struct({ ...rest, subjectType: Schema.String, subjectId: Schema.String })
const violationOf = ({ subjectId: id, subjectType: type, ...row }: typeof ViolationRow.Type): ViolationType => ({
  ...row,
  subject: { type, id }
})

export const RunRow = Schema.Struct({
  check: Schema.String,
  isFull: Schema.Boolean,
  startedAt: Schema.Date,
  finishedAt: Schema.Date,
  looked: Schema.Int,
  found: Schema.Int,
  failure: Schema.NullOr(Schema.String),
  coveredUntil: Schema.NullOr(Schema.Date),
  lastFullAt: Schema.NullOr(Schema.Date)
})
export type RunRow = typeof RunRow.Type

const Counted = Schema.Struct({ check: Schema.String, open: Schema.Int, acknowledged: Schema.Int })
const Upserted = Schema.Struct({ ...ViolationRow.fields, isNew: Schema.Boolean, isChanged: Schema.Boolean })
const relatedJson = Schema.encodeSync(Schema.fromJsonString(Schema.Array(Subject)))

interface Noted {
  readonly change: ViolationChange["change"]
  readonly actor: string
  readonly detail: string
  readonly traceId: string | null
  readonly at: Date
}

/** The rows of violations, of their history and of the runs. */
export class ViolationRepo extends Context.Service<
  ViolationRepo,
  {
    /** Writes down what was seen: opens a violation or renews the one that is open. */
    see(
      check: Pick<Check, "name" | "severity">,
      finding: Finding,
      seen: { readonly at: Date; readonly traceId: string | null }
    ): Effect.Effect<
      { readonly violation: ViolationType; readonly isNew: boolean; readonly isChanged: boolean },
      SqlError
    >
    note(id: ViolationId, change: Noted): Effect.Effect<void, SqlError>
    open(check: string): Effect.Effect<ReadonlyArray<ViolationType>, SqlError>
    resolve(id: ViolationId, at: Date): Effect.Effect<boolean, SqlError>
    addFrozen(id: ViolationId, account: AccountCode): Effect.Effect<void, SqlError>
    acknowledge(
      id: ViolationId,
      by: { readonly actor: string; readonly reason: string; readonly at: Date }
    ): Effect.Effect<boolean, SqlError>
    find(id: ViolationId): Effect.Effect<ViolationType | undefined, SqlError>
    /** Newest first. */
    list(filter: {
      readonly check: string | undefined
      readonly isOpen: boolean | undefined
      readonly before: ViolationId | undefined
      readonly limit: number
    }): Effect.Effect<ReadonlyArray<ViolationType>, SqlError>
    history(id: ViolationId): Effect.Effect<ReadonlyArray<ViolationChange>, SqlError>
    counts: Effect.Effect<ReadonlyArray<typeof Counted.Type>, SqlError>
    runs: Effect.Effect<ReadonlyArray<RunRow>, SqlError>
    recordRun(run: Omit<RunRow, "lastFullAt">): Effect.Effect<void, SqlError>
  }
>()("@mall/platform/doctor/ViolationRepo") {
  static readonly layer = Layer.effect(
    ViolationRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const decode = <S extends Schema.Constraint>(row: S) => {
        const all = Schema.decodeUnknownEffect(Schema.Array(row))
        return (rows: unknown) => Effect.orDie(all(rows))
      }
      const rowsOf = decode(ViolationRow)
      const violationsOf = (rows: unknown) => Effect.map(rowsOf(rows), (found) => found.map(violationOf))
      const upsertedOf = decode(Upserted)

      return ViolationRepo.of({
        see: Effect.fnUntraced(function* ({ name, severity }, found, { at, traceId }) {
          const { accounts, expected, related, subject, summary } = found
          const rows = yield* sql`
            WITH before AS (
              SELECT id, summary FROM platform.doctor_violations
              WHERE "check" = ${name} AND subject_type = ${subject.type} AND subject_id = ${subject.id}
                AND resolved_at IS NULL
            ), seen AS (
              INSERT INTO platform.doctor_violations AS v (id, "check", severity, subject_type, subject_id, summary, expected,
                found, accounts, related, first_seen_at, last_seen_at, trace_id)
              VALUES (${yield* newViolationId}, ${name}, ${severity}, ${subject.type}, ${subject.id}, ${summary}, ${expected},
                ${found.found}, ${accounts}::text[], ${relatedJson(related)}::jsonb, ${at}, ${at}, ${traceId})
              ON CONFLICT ("check", subject_type, subject_id) WHERE resolved_at IS NULL DO UPDATE SET
                summary = excluded.summary, expected = excluded.expected, found = excluded.found,
                accounts = excluded.accounts, related = excluded.related, last_seen_at = excluded.last_seen_at
              RETURNING *, xmax = 0 AS is_new
            )
            SELECT seen.*, before.id IS NOT NULL AND before.summary <> seen.summary AS is_changed
            FROM seen LEFT JOIN before ON before.id = seen.id`
          const [row] = yield* upsertedOf(rows)
          if (row === undefined) return yield* Effect.die(new Error("An upsert answers with its row"))
          const { isChanged, isNew, ...violation } = row
          return { violation: violationOf(violation), isNew, isChanged }
        }),
        note: (id, { actor, at, change, detail, traceId }) =>
          Effect.asVoid(sql`
            INSERT INTO platform.doctor_violation_history (violation_id, change, actor, detail, trace_id, at)
            VALUES (${id}, ${change}, ${actor}, ${detail}, ${traceId}, ${at})`),
        open: (check) =>
          Effect.flatMap(
            sql`
              SELECT * FROM platform.doctor_violations WHERE "check" = ${check} AND resolved_at IS NULL
              ORDER BY id LIMIT 1000`,
            violationsOf
          ),
        resolve: (id, at) =>
          Effect.map(
            sql`
              UPDATE platform.doctor_violations SET resolved_at = ${at} WHERE id = ${id} AND resolved_at IS NULL RETURNING id`,
            (rows) => rows.length > 0
          ),
        addFrozen: (id, account) =>
          Effect.asVoid(sql`
            UPDATE platform.doctor_violations SET frozen = frozen || ${account}::text
            WHERE id = ${id} AND NOT ${account}::text = ANY (frozen)`),
        acknowledge: (id, { actor, at, reason }) =>
          Effect.map(
            sql`
              UPDATE platform.doctor_violations
              SET acknowledged_at = ${at}, acknowledged_by = ${actor}, acknowledge_reason = ${reason}
              WHERE id = ${id} AND acknowledged_at IS NULL RETURNING id`,
            (rows) => rows.length > 0
          ),
        find: (id) =>
          sql`SELECT * FROM platform.doctor_violations WHERE id = ${id}`.pipe(
            Effect.flatMap(violationsOf),
            Effect.map(([violation]) => violation)
          ),
        list: ({ before, check, isOpen, limit }) => {
          const conditions = [
            sql`true`,
            ...(check === undefined ? [] : [sql`"check" = ${check}`]),
            ...(isOpen === undefined ? [] : [isOpen ? sql`resolved_at IS NULL` : sql`resolved_at IS NOT NULL`]),
            ...(before === undefined ? [] : [sql`id < ${before}`])
          ]
          return Effect.flatMap(
            sql`SELECT * FROM platform.doctor_violations WHERE ${sql.and(conditions)} ORDER BY id DESC LIMIT ${limit}`,
            violationsOf
          )
        },
        history: (id) =>
          Effect.flatMap(
            sql`SELECT * FROM platform.doctor_violation_history WHERE violation_id = ${id} ORDER BY id LIMIT 200`,
            decode(ViolationChange)
          ),
        counts: Effect.flatMap(
          sql`
            SELECT "check", count(*) FILTER (WHERE acknowledged_at IS NULL) AS open,
              count(*) FILTER (WHERE acknowledged_at IS NOT NULL) AS acknowledged
            FROM platform.doctor_violations WHERE resolved_at IS NULL GROUP BY "check"`,
          decode(Counted)
        ),
        runs: Effect.flatMap(sql`SELECT * FROM platform.doctor_runs`, decode(RunRow)),
        recordRun: ({ check, coveredUntil, failure, finishedAt, found, isFull, looked, startedAt }) =>
          Effect.asVoid(sql`
            INSERT INTO platform.doctor_runs AS r
              ("check", is_full, started_at, finished_at, looked, found, failure, covered_until, last_full_at)
            VALUES (${check}, ${isFull}, ${startedAt}, ${finishedAt}, ${looked}, ${found}, ${failure}, ${coveredUntil},
              ${isFull && failure === null ? finishedAt : null})
            ON CONFLICT ("check") DO UPDATE SET is_full = excluded.is_full, started_at = excluded.started_at,
              finished_at = excluded.finished_at, looked = excluded.looked, found = excluded.found,
              failure = excluded.failure, covered_until = greatest(r.covered_until, excluded.covered_until),
              last_full_at = coalesce(excluded.last_full_at, r.last_full_at)`)
      })
    })
  )
}
