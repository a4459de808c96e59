import type { SubjectEvent } from "@mall/domain/operations/Doctor"
import type { EventSource } from "@mall/platform/doctor/Checks"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const Row = Schema.Struct({
  at: Schema.Date,
  what: Schema.String,
  actor: Schema.String,
  traceId: Schema.NullOr(Schema.String)
})

/** Movements that an explanation shows of one subject. */
const limit = 100

/** What the books say happened: to an account its last entries and its freezes, to anything else the transfers about it. */
export const ledgerEvents = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  const legs = sql`(
    SELECT string_agg(a.code || ' ' || CASE
      WHEN e.debits_posted <> 0 THEN '+' || e.debits_posted || ' debit'
      WHEN e.credits_posted <> 0 THEN '+' || e.credits_posted || ' credit'
      ELSE 'pending ' || e.debits_pending + e.credits_pending END, ', ' ORDER BY e.id)
    FROM ledger.entries AS e JOIN ledger.accounts AS a ON a.id = e.account_id WHERE e.transfer_id = t.id)`

  const ofSubject = SqlSchema.findAll({
    Request: Schema.Struct({ id: Schema.String, isTransfer: Schema.Boolean }),
    Result: Row,
    execute: ({ id, isTransfer }) => sql`
      SELECT t.at, t.type || ' ' || t.purpose || ' ' || t.id || ': ' || coalesce(${legs}, 'no entries') AS what, t.actor, t.trace_id
      FROM ledger.transfers AS t WHERE ${isTransfer ? sql`t.id = ${id}::uuid` : sql`t.subject = ${id}`} ORDER BY t.at, t.id LIMIT ${limit}`
  })

  const ofAccount = SqlSchema.findAll({
    Request: Schema.String,
    Result: Row,
    execute: (code) => sql`
      SELECT at, what, actor, trace_id FROM (
        SELECT e.at, t.actor, t.trace_id,
          t.purpose || ' ' || t.id || ': debit ' || e.debits_posted || ', credit ' || e.credits_posted || ', then debits '
            || e.debits_posted_after || ', credits ' || e.credits_posted_after || ' in shard ' || e.shard AS what
        FROM ledger.accounts AS a
        JOIN ledger.entries AS e ON e.account_id = a.id JOIN ledger.transfers AS t ON t.id = e.transfer_id
        WHERE a.code = ${code}
        UNION ALL
        SELECT f.frozen_at, f.frozen_by, f.trace_id, 'frozen: ' || f.reason
        FROM ledger.account_freezes AS f JOIN ledger.accounts AS a ON a.id = f.account_id WHERE a.code = ${code}
        UNION ALL
        SELECT f.thawed_at, f.thawed_by, NULL, 'thawed: ' || f.thaw_reason
        FROM ledger.account_freezes AS f JOIN ledger.accounts AS a ON a.id = f.account_id
        WHERE a.code = ${code} AND f.thawed_at IS NOT NULL
      ) AS event ORDER BY event.at DESC LIMIT ${limit}`
  })

  const source: EventSource = (subject) =>
    Effect.map(
      subject.type === "account"
        ? ofAccount(subject.id)
        : ofSubject({ id: subject.id, isTransfer: subject.type === "transfer" }),
      (rows): ReadonlyArray<SubjectEvent> => rows.map((row) => ({ ...row, source: "ledger", subject }))
    )
  return source
})
