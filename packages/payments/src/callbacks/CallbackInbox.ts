import { Uuid7 } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { Context, Effect, Exit, Layer, Request, Schema } from "effect"
import type { Option } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { Notice } from "../channel/Channel.ts"
import type { VerifiedCallback } from "../channel/Channel.ts"
import { groupCommit } from "@mall/platform/groupCommit"
import { beside } from "@mall/platform/planning"

export const CallbackId = Uuid7.pipe(Schema.brand("CallbackId"))
export type CallbackId = typeof CallbackId.Type

const noticeJson = Schema.toCodecJson(Notice)

const Row = Schema.Struct({
  id: CallbackId,
  channel: Schema.String,
  merchantId: Schema.NullOr(MerchantId),
  eventId: Schema.String,
  eventType: Schema.String,
  nonce: Schema.NullOr(Schema.String),
  notice: Notice,
  traceId: Schema.NullOr(Schema.String),
  now: Schema.Date
})
const rowsJson = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Schema.Array(Row))))
const Stored = Schema.Struct({ id: CallbackId, fresh: Schema.Boolean, stored: Schema.Boolean })

/** What tells one sending from another: without a nonce, only the event does. */
const sendingOf = ({ channel, eventId, nonce }: typeof Row.Type) =>
  nonce === null ? `${channel} event ${eventId}` : `${channel} nonce ${nonce}`

class Store extends Request.Class<{ readonly row: typeof Row.Type }, "stored" | "duplicate" | "replayed", SqlError> {}

/** How long a notice is left to the process that took it, before a sweep looks after it, and after an operator has. */
const firstWait = "15 seconds"
/** Each wait is twice the one before, up to this. */
const longestWait = "24 hours"

/** Notices that one statement stores at most. */
const maxBatch = 128

/** A notice that waits to be acted upon. */
const Waiting = Schema.Struct({
  id: CallbackId,
  channel: Schema.String,
  /** To whose own account the notice came; null: to the platform's. */
  merchantId: Schema.NullOr(MerchantId),
  notice: noticeJson
})
export type Waiting = typeof Waiting.Type

const Reopened = Schema.Struct({ id: CallbackId, merchantId: Schema.NullOr(MerchantId) })
const Run = Schema.Struct({ ...Reopened.fields, runs: Schema.Int })

/** What became of a notice. */
export const Verdict = Schema.Struct({
  id: CallbackId,
  status: Schema.Literals(["processed", "ignored", "parked"]),
  outcome: Schema.String,
  paymentId: Schema.NullOr(PaymentId)
})
export type Verdict = typeof Verdict.Type
const verdictsJson = Schema.encodeSync(Schema.fromJsonString(Schema.Array(Verdict)))

/** What the channels told, kept before it is acknowledged. */
export class CallbackInbox extends Context.Service<
  CallbackInbox,
  {
    /**
     * Durable when it answers; concurrent calls share a statement. `replayed`: this very sending was here before. `duplicate`: the channel tells again what it
     * told. `stored`: it is new, and will be acted upon.
     */
    store(
      id: CallbackId,
      account: { readonly channel: string; readonly merchantId: MerchantId | null },
      callback: VerifiedCallback,
      at: { readonly now: Date; readonly traceId: string | null }
    ): Effect.Effect<"stored" | "duplicate" | "replayed", SqlError>
    /** Locks those that are still to be acted upon, and that no other process is at. Needs a transaction. */
    claim(ids: ReadonlyArray<CallbackId>): Effect.Effect<ReadonlyArray<Waiting>, SqlError>
    settle(verdicts: ReadonlyArray<Verdict>, now: Date): Effect.Effect<void, SqlError>
    /** Notices whose run was lost or failed, each left alone for twice as long as the time before: 15 s to 24 h. */
    claimDue(now: Date, limit: number): Effect.Effect<ReadonlyArray<typeof Run.Type>, SqlError>
    /** Makes a notice wait again. None where there is none. */
    reopen(id: CallbackId, now: Date): Effect.Effect<Option.Option<typeof Reopened.Type>, SqlError>
    /** Drops marks of sendings seen before `seen`; answers with how many. */
    forgetNonces(seen: Date, limit: number): Effect.Effect<number, SqlError>
  }
>()("@mall/payments/callbacks/CallbackInbox") {
  static readonly layer = Layer.effect(
    CallbackInbox,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      // The nonce and the notice are stored together or not at all: a crash between cannot make a genuine notice a replay.
      // Rows are inserted in the order of their keys, so that two processes do not wait for each other.
      const insert = SqlSchema.findAll({
        Request: Schema.String,
        Result: Stored,
        execute: (rows) => sql`
          WITH input AS (
            SELECT * FROM jsonb_to_recordset(${rows}::jsonb) AS r(id uuid, channel text, nonce text, "eventId" text,
              "eventType" text, "merchantId" uuid, notice jsonb, "traceId" text, now timestamptz)
          ), fresh AS (
            INSERT INTO payments.nonces (channel, nonce, seen_at)
            SELECT channel, nonce, now FROM input WHERE nonce IS NOT NULL ORDER BY channel, nonce
            ON CONFLICT DO NOTHING RETURNING channel, nonce
          ), stored AS (
            INSERT INTO payments.callback_inbox (id, channel, merchant_id, event_id, event_type, notice, status, next_run_at, trace_id,
              received_at)
            SELECT id, channel, "merchantId", "eventId", "eventType", notice, 'received', now + ${firstWait}::interval, "traceId", now
            FROM input LEFT JOIN fresh USING (channel, nonce)
            WHERE nonce IS NULL OR fresh.channel IS NOT NULL
            ORDER BY channel, "eventId"
            ON CONFLICT (channel, event_id) DO NOTHING RETURNING id
          )
          SELECT input.id, (nonce IS NULL OR fresh.channel IS NOT NULL) AS fresh, stored.id IS NOT NULL AS stored
          FROM input LEFT JOIN fresh USING (channel, nonce) LEFT JOIN stored ON stored.id = input.id`
      })

      const storeAll = Effect.fnUntraced(
        function* (entries: ReadonlyArray<Request.Entry<Store>>) {
          // of one sending that comes twice at the same time the first is the sending, the others repeat it
          const first = new Map(entries.toReversed().map(({ request: { row } }) => [sendingOf(row), row]))
          const rows = yield* insert(rowsJson([...first.values()]))
          const byId = new Map(rows.map((row) => [row.id, row]))
          for (const { completeUnsafe, request } of entries) {
            const result = byId.get(request.row.id)
            completeUnsafe(
              Exit.succeed(
                result?.stored === true
                  ? "stored"
                  : result?.fresh === true || request.row.nonce === null
                    ? "duplicate"
                    : "replayed"
              )
            )
          }
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      const storer = groupCommit<Store>({ commit: storeAll, refused: Exit.fail, maxBatch })

      const lock = SqlSchema.findAll({
        Request: Schema.Array(CallbackId),
        Result: Waiting,
        execute: (ids) => sql`
          SELECT c.id, c.channel, c.merchant_id, c.notice FROM payments.callback_inbox AS c
          WHERE c.id = ANY(${ids}::uuid[]) AND ${beside(sql, "c.status")} = 'received'
          ORDER BY c.id FOR UPDATE SKIP LOCKED`
      })
      const selectDue = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, limit: Schema.Int }),
        Result: Run,
        execute: ({ limit, now }) => sql`
          UPDATE payments.callback_inbox AS t
          SET runs = t.runs + 1, next_run_at = ${now}::timestamptz
            + least(${firstWait}::interval * power(2, least(t.runs + 1, 20)), ${longestWait}::interval)
          WHERE t.id IN (
            SELECT d.id FROM payments.callback_inbox AS d
            WHERE d.status = 'received' AND d.next_run_at <= ${now}
            ORDER BY d.next_run_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
          RETURNING t.id, t.merchant_id, t.runs`
      })

      const reopenOne = SqlSchema.findOneOption({
        Request: Schema.Struct({ id: CallbackId, now: Schema.Date }),
        Result: Reopened,
        execute: ({ id, now }) => sql`
          UPDATE payments.callback_inbox
          SET status = 'received', runs = 0, next_run_at = ${now}::timestamptz + interval '30 seconds'
          WHERE id = ${id} RETURNING id, merchant_id`
      })

      return CallbackInbox.of({
        store: (id, { channel, merchantId }, { eventId, eventType, nonce, notice }, at) =>
          Effect.request(
            new Store({ row: { id, channel, merchantId, eventId, eventType, nonce, notice, ...at } }),
            storer
          ),
        claim: (ids) => Effect.catchTag(lock(ids), "SchemaError", Effect.die),
        settle: Effect.fnUntraced(function* (verdicts, now) {
          if (verdicts.length === 0) return
          yield* sql`
            UPDATE payments.callback_inbox AS c
            SET status = v.status, outcome = v.outcome, payment_id = coalesce(v."paymentId", c.payment_id),
              processed_at = ${now}, next_run_at = NULL
            FROM jsonb_to_recordset(${verdictsJson(verdicts)}::jsonb)
              AS v(id uuid, status text, outcome text, "paymentId" uuid)
            WHERE c.id = v.id`
        }),
        claimDue: (now, limit) => Effect.catchTag(selectDue({ now, limit }), "SchemaError", Effect.die),
        reopen: (id, now) => Effect.catchTag(reopenOne({ id, now }), "SchemaError", Effect.die),
        forgetNonces: (seen, limit) =>
          sql`
            DELETE FROM payments.nonces WHERE (channel, nonce) IN (
              SELECT n.channel, n.nonce FROM payments.nonces AS n WHERE n.seen_at < ${seen}
              ORDER BY n.seen_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
            RETURNING seen_at`.pipe(Effect.map((rows) => rows.length))
      })
    })
  )
}
