import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import type { AttemptId } from "@mall/domain/payments/Payment"
import type { RefundId } from "@mall/domain/payments/PaymentGateway"
import { Context, Effect, Latch, Layer, Metric, Schema, Semaphore } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { withoutSecrets } from "@mall/platform/telemetry/withoutSecrets"

/** One request to a channel and what came of it. */
export interface ChannelCall {
  readonly attemptId: AttemptId
  readonly refundId: RefundId | null
  readonly channel: string
  readonly operation: string
  /** As sent and as received; undefined where nothing was. */
  readonly request: unknown
  readonly response: unknown
  /** `ok`, or why it did not do what was asked. */
  readonly outcome: string
  readonly durationMillis: number
  readonly traceId: string | null
  readonly at: Date
}

const Row = Schema.Struct({
  id: Schema.String,
  attemptId: Schema.String,
  refundId: Schema.NullOr(Schema.String),
  channel: Schema.String,
  operation: Schema.String,
  request: Schema.NullOr(Schema.Json),
  response: Schema.NullOr(Schema.Json),
  outcome: Schema.String,
  durationMillis: Schema.Int,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
})
type Row = typeof Row.Type
const rowsJson = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Schema.Array(Row))))
const bodiesJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))

const newId = generator(Uuid7.pipe(Schema.brand("ChannelCallId")))

const toRow = (id: string, { outcome, request, response, ...call }: ChannelCall): Row => ({
  ...call,
  id,
  outcome: String(withoutSecrets(outcome)),
  request: request === undefined ? null : withoutSecrets(request),
  response: response === undefined ? null : withoutSecrets(response)
})

/** A call waits so long for others, so that they share a statement. */
const gatherTime = "200 millis"
const maxBatch = 200
/** Calls that wait for a database that does not answer; more go to the log of the process. */
const capacity = 10_000

const spilled = Metric.counter("payment_log_spilled", {
  description: "Calls to channels that only the log of the process holds, for the payment log could not take them",
  incremental: true
})

/**
 * Keeps every call to a channel, without secrets, off the path of the call: written in batches, a moment later and when the
 * process ends. What the database does not take is told to the log of the process and counted, never dropped unseen; only
 * the last moment of a process that is killed is lost. The states that calls led to are in the history, which is
 * committed with them.
 */
export class ChannelLog extends Context.Service<
  ChannelLog,
  {
    write(call: ChannelCall): Effect.Effect<void>
    /** Writes what waits. What is left after an error of the database is tried again later. */
    readonly flush: Effect.Effect<void, SqlError>
  }
>()("@mall/payments/log/ChannelLog") {
  static readonly layer = Layer.effect(
    ChannelLog,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const some = yield* Latch.make()
      const turn = yield* Semaphore.make(1)
      const waiting: Array<readonly [id: string, call: ChannelCall]> = []

      // the same rows again, after a commit that nobody heard of, are the same
      const insert = (rows: ReadonlyArray<Row>) => sql`
        INSERT INTO payments.channel_log (id, payment_id, attempt_id, refund_id, channel, operation, request, response,
          outcome, duration_millis, trace_id, at)
        SELECT r.id, a.payment_id, r."attemptId", r."refundId", r.channel, r.operation, r.request, r.response, r.outcome,
          r."durationMillis", r."traceId", r.at
        FROM jsonb_to_recordset(${rowsJson(rows)}::jsonb) AS r(id uuid, "attemptId" uuid, "refundId" uuid, channel text,
          operation text, request jsonb, response jsonb, outcome text, "durationMillis" int, "traceId" text, at timestamptz)
        LEFT JOIN payments.attempts AS a ON a.id = r."attemptId"
        ORDER BY r.id
        ON CONFLICT ON CONSTRAINT channel_log_pkey DO NOTHING`

      const spill = ({ request, response, ...row }: Row) =>
        Effect.andThen(
          Metric.update(spilled, 1),
          Effect.logError("a call to a channel is not in the payment log").pipe(
            Effect.annotateLogs({ ...row, request: bodiesJson(request), response: bodiesJson(response) })
          )
        )

      const insertAlone = (row: Row) =>
        Effect.catchIf(
          Effect.asVoid(insert([row])),
          ({ isRetryable }) => !isRetryable,
          () => spill(row)
        )

      const flush = Effect.gen(function* () {
        while (waiting.length > 0) {
          const rows = waiting.slice(0, maxBatch).map(([id, call]) => toRow(id, call))
          yield* Effect.catchIf(
            Effect.asVoid(insert(rows)),
            ({ isRetryable }) => !isRetryable,
            // one that the database refuses keeps no other out
            () => Effect.forEach(rows, insertAlone, { discard: true })
          )
          waiting.splice(0, rows.length)
        }
      }).pipe(turn.withPermit, Effect.uninterruptible)

      const last = Effect.catchTag(flush, "SqlError", () =>
        Effect.forEach(waiting.splice(0), ([id, call]) => spill(toRow(id, call)), { discard: true })
      )
      yield* Effect.addFinalizer(() => last)
      yield* some.await.pipe(
        Effect.andThen(Effect.sleep(gatherTime)),
        Effect.andThen(some.close),
        Effect.andThen(flush),
        Effect.catchTag("SqlError", (error) =>
          Effect.andThen(
            Effect.logWarning("The payment log is behind and is written later", error.message),
            Effect.andThen(some.open, Effect.sleep("5 seconds"))
          )
        ),
        Effect.forever,
        Effect.withTracerEnabled(false),
        Effect.forkScoped
      )

      return ChannelLog.of({
        write: Effect.fnUntraced(function* (call) {
          const id = yield* newId
          if (waiting.length >= capacity) return yield* spill(toRow(id, call))
          waiting.push([id, call])
          yield* some.open
        }),
        flush
      })
    })
  )
}
