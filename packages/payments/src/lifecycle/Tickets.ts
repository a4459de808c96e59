import { Ticket } from "@mall/domain/payments/Payment"
import { TicketInvalid } from "@mall/domain/payments/PaymentError"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { Context, DateTime, Duration, Effect, Exit, Layer, Option, Request, Schema } from "effect"
import { groupCommit } from "@mall/platform/groupCommit"
import { SqlClient, SqlSchema } from "effect/sql"
import { createHash, randomBytes } from "node:crypto"
import { countTicketFailure } from "../paymentMetrics.ts"
import { PaymentsConfig } from "../PaymentsConfig.ts"
import { SecurityEvents } from "../callbacks/SecurityEvents.ts"

const isTicket = Schema.is(Ticket)
const newTicket = Effect.sync(() => Ticket.make(`tk_once_${randomBytes(32).toString("base64url")}`))
const hashOf = (secret: string) => createHash("sha256").update(secret).digest()

const newTicketsJson = Schema.encodeSync(
  Schema.fromJsonString(Schema.Array(Schema.Struct({ hash: Schema.String, paymentId: PaymentId })))
)

/** A ticket to keep, by the hexadecimal hash of it. Those issued at the same time share one statement. */
class Keep extends Request.Class<{ readonly hash: string; readonly paymentId: PaymentId }, void> {}

/**
 * The right to look at one payment once, without signing in. 256 random bits, kept as a hash, spent by the first use,
 * which hands out the next: a page can poll, and a ticket that leaks from a log or a history is worth nothing. A page of ours has
 * a secret besides, known to its browser alone: an answer may be lost on its way to a telephone, and what it carried with it.
 */
export class Tickets extends Context.Service<
  Tickets,
  {
    issue(paymentId: PaymentId): Effect.Effect<Ticket>
    /**
     * Spends a ticket of one of `paymentIds` (or of `any`, where the ticket alone says which) and answers with that payment and the next ticket. Of two uses at the same time
     * one wins. Shown for another payment it is refused and not spent, so that who guesses cannot spend what others hold.
     * The next ticket is `page`'s, the secret of a page of ours: who shows a ticket with the secret of the page that it was handed
     * to is answered for `PAYMENT_RESUME_WINDOW`, also where it is spent or stale.
     */
    redeem(
      paymentIds: ReadonlyArray<PaymentId> | "any",
      ticket: string,
      page?: string
    ): Effect.Effect<{ readonly paymentId: PaymentId; readonly next: Ticket }, TicketInvalid>
    /** Of which payment a ticket is, spent or not; nothing is spent by it. */
    paymentOf(ticket: string): Effect.Effect<Option.Option<PaymentId>>
    /** Drops tickets that have been stale for a day: until then the reuse of one is told from a guess. Answers with how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/payments/lifecycle/Tickets") {
  static readonly layerNoDeps = Layer.effect(
    Tickets,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { resumeWindow, ticketLifetime } = yield* PaymentsConfig
      const securityEvents = yield* SecurityEvents

      const lifetime = Effect.map(DateTime.nowAsDate, (now) => ({
        now,
        expiresAt: new Date(now.getTime() + Duration.toMillis(ticketLifetime))
      }))

      const keeper = groupCommit<Keep>({
        commit: Effect.fnUntraced(function* (entries) {
          const { expiresAt } = yield* lifetime
          const rows = newTicketsJson(entries.map(({ request: { hash, paymentId } }) => ({ hash, paymentId })))
          yield* sql`
            INSERT INTO payments.tickets (hash, payment_id, expires_at)
            SELECT decode(hash, 'hex'), "paymentId", ${expiresAt}::timestamptz
            FROM jsonb_to_recordset(${rows}::jsonb) AS r(hash text, "paymentId" uuid)`
          for (const { completeUnsafe } of entries) completeUnsafe(Exit.void)
        }),
        refused: Exit.die,
        maxBatch: 128
      })

      const selectKnown = SqlSchema.findOneOption({
        Request: Schema.Uint8Array,
        Result: Schema.Struct({ paymentId: PaymentId, usedAt: Schema.NullOr(Schema.Date) }),
        execute: (hash) => sql`SELECT payment_id, used_at FROM payments.tickets WHERE hash = ${hash}`
      })

      const spend = SqlSchema.findOneOption({
        Request: Schema.Struct({
          shown: Schema.Uint8Array,
          next: Schema.Uint8Array,
          paymentIds: Schema.NullOr(Schema.Array(PaymentId)),
          page: Schema.NullOr(Schema.Uint8Array),
          now: Schema.Date,
          staleSince: Schema.Date,
          expiresAt: Schema.Date
        }),
        Result: Schema.Struct({ paymentId: PaymentId }),
        execute: ({ expiresAt, next, now, page, paymentIds, shown, staleSince }) => sql`
          WITH spent AS (
            UPDATE payments.tickets SET used_at = ${now}
            WHERE hash = ${shown} AND (${paymentIds}::uuid[] IS NULL OR payment_id = ANY(${paymentIds}::uuid[]))
              AND ((used_at IS NULL AND expires_at > ${now}) OR (page = ${page}::bytea AND expires_at > ${staleSince}))
            RETURNING payment_id
          )
          INSERT INTO payments.tickets (hash, payment_id, expires_at, page)
          SELECT ${next}::bytea, payment_id, ${expiresAt}::timestamptz, ${page}::bytea FROM spent
          RETURNING payment_id`
      })

      const reportRefusal = Effect.fnUntraced(function* (
        hash: Uint8Array,
        paymentIds: ReadonlyArray<PaymentId> | "any"
      ) {
        yield* countTicketFailure
        const known = yield* selectKnown(hash)
        if (Option.isNone(known)) return
        const { paymentId } = known.value
        if (paymentIds !== "any" && !paymentIds.includes(paymentId)) {
          yield* securityEvents.record({
            kind: "ticket_foreign",
            paymentId,
            details: { shownFor: paymentIds.join(" ") }
          })
        } else if (known.value.usedAt !== null) {
          yield* securityEvents.record({ kind: "ticket_reused", paymentId, details: {} })
        }
      })

      return Tickets.of({
        issue: Effect.fn("Tickets.issue")(function* (paymentId) {
          const ticket = yield* newTicket
          yield* Effect.request(new Keep({ hash: hashOf(ticket).toString("hex"), paymentId }), keeper)
          return ticket
        }),
        redeem: Effect.fn("Tickets.redeem")(
          function* (paymentIds, shown, page) {
            if (!isTicket(shown)) {
              yield* countTicketFailure
              return yield* new TicketInvalid({})
            }
            const next = yield* newTicket
            const { expiresAt, now } = yield* lifetime
            const spent = yield* spend({
              shown: hashOf(shown),
              next: hashOf(next),
              paymentIds: paymentIds === "any" ? null : paymentIds,
              page: page === undefined ? null : hashOf(page),
              staleSince: new Date(now.getTime() - Duration.toMillis(resumeWindow)),
              ...{ expiresAt, now }
            })
            if (Option.isNone(spent)) {
              yield* reportRefusal(hashOf(shown), paymentIds)
              return yield* new TicketInvalid({})
            }
            return { paymentId: spent.value.paymentId, next }
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        paymentOf: Effect.fn("Tickets.paymentOf")(
          function* (shown) {
            if (!isTicket(shown)) return Option.none()
            return Option.map(yield* selectKnown(hashOf(shown)), ({ paymentId }) => paymentId)
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        purge: Effect.fn("Tickets.purge")(
          function* (limit) {
            const rows = yield* sql`
              DELETE FROM payments.tickets WHERE hash IN (
                SELECT t.hash FROM payments.tickets AS t
                WHERE t.expires_at < ${yield* DateTime.nowAsDate}::timestamptz - interval '1 day'
                ORDER BY t.expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
              RETURNING hash`
            return rows.length
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
