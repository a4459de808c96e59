import { assert } from "@effect/vitest"
import { Effect, Metric, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { Bench } from "./Bench.ts"
import type { Aftermath } from "./Case.ts"
import { NoticeTap } from "./NoticeTap.ts"

const Event = Schema.Struct({ kind: Schema.String, reason: Schema.NullOr(Schema.String) })
const refusals = new Set(["callback_refused", "callback_replayed"])

/** What a counter of the channel shows. */
export const countOf = Effect.fnUntraced(function* (metric: string) {
  const { profile } = yield* Bench
  const found = (yield* Metric.snapshot).find(
    ({ attributes, id }) => id === metric && attributes?.["channel"] === profile.id
  )
  return found?.type === "Counter" ? Number(found.state.count) : 0
})

const signatureFailures = countOf("payment_signature_failure")

/** Watches what is reported from now on. What it answers with compares that with what happened. */
export const watch = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const tap = yield* NoticeTap
  const failuresBefore = yield* signatureFailures
  const [before] = yield* sql<{ last: number }>`SELECT coalesce(max(id), 0) AS last FROM payments.security_events`
  const eventsSince = SqlSchema.findAll({
    Request: Schema.Int,
    Result: Event,
    execute: (id) => sql`
      SELECT e.kind, e.details->>'reason' AS reason FROM payments.security_events AS e WHERE e.id > ${id} ORDER BY e.id`
  })

  /** Every refusal has its row and its metric, and nothing else was reported than what the case says. */
  return Effect.fnUntraced(function* ({ events = {}, forgedAnswers = [0, 0] }: Aftermath) {
    const reported = yield* eventsSince(before?.last ?? 0)
    const refused = reported.filter(({ kind }) => refusals.has(kind))
    assert.strictEqual(refused.length, yield* tap.refusals, "each refused notice has a row")
    const expected = Object.entries(events)
    const open = new Set(expected.flatMap(([kind, count]) => (count === "any number" ? [kind] : [])))
    const others = Map.groupBy(
      reported.filter(({ kind }) => !refusals.has(kind) && !open.has(kind)),
      ({ kind }) => kind
    )
    assert.deepStrictEqual(
      Object.fromEntries([...others].map(([kind, rows]) => [kind, rows.length])),
      Object.fromEntries(expected.filter(([kind]) => !open.has(kind)))
    )
    const unsigned = refused.filter(({ reason }) => reason === "signature" || reason === "serial").length
    const counted = (yield* signatureFailures) - failuresBefore - unsigned
    assert.isAtLeast(counted, forgedAnswers[0], "each failure of a signature is counted")
    assert.isAtMost(counted, forgedAnswers[1], "each failure of a signature is counted once")
  })
})
