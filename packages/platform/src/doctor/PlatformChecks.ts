import type { SubjectEvent } from "@mall/domain/operations/Doctor"
import { Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { AuditChain } from "../audit/AuditChain.ts"
import * as Checks from "./Checks.ts"
import type { Check, EventSource } from "./Checks.ts"
import { finding, lookedAt } from "./Checks.ts"

const Stuck = Schema.Struct({ id: Schema.String, queue: Schema.String, what: Schema.String })
const Claim = Schema.Struct({ id: Schema.String, leaseUntil: Schema.Date })
const Act = Schema.Struct({
  at: Schema.Date,
  what: Schema.String,
  actor: Schema.String,
  traceId: Schema.NullOr(Schema.String)
})

/** Links before the head that an ordinary look walks again. */
const recentLinks = 1_000

const made = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const chain = yield* AuditChain

  const stuckMessages = SqlSchema.findAll({
    Request: Schema.String,
    Result: Stuck,
    execute: (after) => sql`
      SELECT sequence::text AS id, queue_name || '/' || id AS queue,
        CASE WHEN state = 'failed' THEN 'was given up after ' || attempts || ' attempts'
          ELSE 'waits since ' || to_char(visible_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END AS what
      FROM outbox
      WHERE sequence > ${after}::bigint AND (state = 'failed' OR (state = 'pending' AND visible_at < NOW() - interval '1 hour'))
      ORDER BY outbox.sequence LIMIT ${Checks.pageSize}`
  })
  const messages: Check = {
    name: "messages",
    says: "No message between contexts is dead or waits for an hour",
    severity: "P1",
    reach: "database",
    look: ({ after }) =>
      Effect.map(stuckMessages(after ?? "0"), (rows) =>
        lookedAt(rows, ({ queue, what }) => finding({ type: "message", id: queue }, `${queue} ${what}`))
      )
  }

  const stuckClaims = SqlSchema.findAll({
    Request: Schema.Struct({ after: Schema.String, before: Schema.Date }),
    Result: Claim,
    execute: ({ after, before }) => sql`
      SELECT operation_id::text AS id, lease_until FROM platform.idempotency_keys
      WHERE state = 'running' AND lease_until < ${before} AND lease_until > created_at AND operation_id::text > ${after}
      ORDER BY operation_id::text LIMIT ${Checks.pageSize}`
  })
  const claims: Check = {
    name: "idempotency_claims",
    says: "No request with an Idempotency-Key has been running for an hour",
    severity: "P2",
    reach: "database",
    look: ({ after, now }) =>
      Effect.map(stuckClaims({ after: after ?? "", before: new Date(now.getTime() - 3_600_000) }), (rows) =>
        lookedAt(rows, ({ id, leaseUntil }) =>
          finding({ type: "operation", id }, `the claim ended ${leaseUntil.toISOString()} and nobody took it over`)
        )
      )
  }

  const audit: Check = {
    name: "audit_chain",
    says: "The audit trail is what was written",
    severity: "P0",
    reach: "database",
    look: Effect.fnUntraced(function* ({ selection }) {
      const head = yield* chain.head
      const position = Option.match(head, { onNone: () => 0, onSome: (last) => last.position })
      const from = selection.type === "since" ? Math.max(1, position - recentLinks) : 1
      const { broken, checked } = yield* chain.verify({ from })
      if (broken === null) return { looked: checked, findings: [], next: null }
      const where = broken.position === null ? "outside of the chain" : `at link ${broken.position}`
      const entry = broken.entryId ?? "unknown"
      return {
        looked: checked,
        findings: [finding({ type: "audit_chain", id: "audit" }, `entry ${entry} ${where}: ${broken.what}`)],
        next: null
      }
    })
  }

  const selectActs = SqlSchema.findAll({
    Request: Schema.String,
    Result: Act,
    execute: (id) => sql`
      SELECT * FROM (
        SELECT at, action || coalesce(': ' || reason, '') AS what, actor_kind || ':' || actor_id AS actor, trace_id
        FROM platform.audit_entries WHERE resource_id = ${id} ORDER BY audit_entries.at DESC LIMIT 100
      ) AS latest ORDER BY latest.at`
  })
  const acts: EventSource = (subject) =>
    Effect.map(selectActs(subject.id), (rows) =>
      rows.map((row): SubjectEvent => ({ ...row, source: "audit", subject }))
    )

  return { checks: [messages, claims, audit], events: [acts] }
})

/** What the platform itself makes sure of. Needs `Checks` and `SqlClient`. */
export const layer = Checks.layer(made).pipe(Layer.provide(AuditChain.layer))
