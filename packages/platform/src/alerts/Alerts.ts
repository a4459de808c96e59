import { Alert, AlertId, AlertNotFound } from "@mall/domain/operations/Alert"
import type { AlertKind } from "@mall/domain/operations/Alert"
import { generator } from "@mall/domain/kernel/Id"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { Config, Context, DateTime, Duration, Effect, Layer, Metric, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { makeAuditRecorder } from "../audit/AuditRecorder.ts"
import { AlertNotifier } from "./AlertNotifier.ts"
import { alertRules } from "./alertRules.ts"
import type { AlertRule } from "./alertRules.ts"
import { SignalCounts } from "./SignalCounts.ts"

export interface AlertFilter {
  readonly isOpen?: boolean
  readonly limit?: number
  readonly after?: string
}

/** What somebody other than the rules has seen. */
interface Report extends Pick<Alert, "kind" | "subject" | "severity" | "message"> {
  readonly isNews: boolean
}

const cursor = cursorOf(AlertId)
const newAlertId = generator(AlertId)

/** For how long the one who tells people is left alone with it. */
const lease = Duration.minutes(1)

const active = (kind: string, severity: string) =>
  Metric.gauge("security_alert_active", {
    description: "1 while the alert is open",
    attributes: { kind, severity }
  })

/**
 * Alerts over what all processes counted. Any number of workers may judge: at most one alert of a kind is open, people are told
 * of it once, again each `ALERTS_REMINDER` (1 h) while nobody has acknowledged it, and when it is over.
 */
export class Alerts extends Context.Service<
  Alerts,
  {
    /** Judges every rule; answers with how many alerts opened or resolved. */
    readonly judge: Effect.Effect<number, SqlError>
    /**
     * Opens an alert about `subject`, or says anew what is seen of it. With `isNews` it is told again even where somebody had
     * acknowledged it. Joins the ambient transaction.
     */
    report(alert: Report): Effect.Effect<void, SqlError>
    /** It is over. Joins the ambient transaction. */
    settle(kind: AlertKind, subject: string): Effect.Effect<void, SqlError>
    /** Tells people what is due, up to `limit`; answers with how many were told. */
    tell(limit: number): Effect.Effect<number, SqlError>
    /** Newest first. */
    list(filter: AlertFilter): Effect.Effect<Page<Alert>, InvalidCursor | SqlError>
    /** Somebody takes care: no more reminders. Acknowledged before, it stays with who did so first. */
    acknowledge(id: AlertId, by: string): Effect.Effect<Alert, AlertNotFound | SqlError>
  }
>()("@mall/platform/alerts/Alerts") {
  static readonly layerNoDeps = Layer.effect(
    Alerts,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const counts = yield* SignalCounts
      const notifier = yield* AlertNotifier
      const reminder = yield* Config.Duration("ALERTS_REMINDER").pipe(Config.withDefault(Duration.hours(1)))
      const audit = yield* makeAuditRecorder
      const decode = Schema.decodeUnknownEffect(Schema.Array(Alert))
      const alertsOf = (rows: unknown) => Effect.orDie(decode(rows))

      const raise = Effect.fnUntraced(function* ({ kind, severity }: AlertRule, message: string, now: Date) {
        const opened = yield* sql`
          INSERT INTO platform.alerts (id, kind, severity, message, opened_at, last_seen_at, notice_due_at)
          VALUES (${yield* newAlertId}, ${kind}, ${severity}, ${message}, ${now}, ${now}, ${now})
          ON CONFLICT (kind, subject) WHERE resolved_at IS NULL DO NOTHING
          RETURNING id`
        if (opened.length > 0) {
          const log = severity === "P0" ? Effect.logError : Effect.logWarning
          yield* log("security alert").pipe(Effect.annotateLogs({ kind, severity, what: message }))
          return 1
        }
        const before = new Date(now.getTime() - Duration.toMillis(reminder))
        yield* sql`
          UPDATE platform.alerts SET message = ${message}, last_seen_at = ${now},
            notice_due_at = CASE
              WHEN notice_due_at IS NULL AND acknowledged_at IS NULL AND notified_at <= ${before} THEN ${now}::timestamptz
              ELSE notice_due_at
            END
          WHERE kind = ${kind} AND resolved_at IS NULL`
        return 0
      })

      const resolve = Effect.fnUntraced(function* ({ kind }: AlertRule, now: Date) {
        const resolved = yield* sql`
          UPDATE platform.alerts SET resolved_at = ${now}, notice_due_at = ${now}
          WHERE kind = ${kind} AND resolved_at IS NULL RETURNING id`
        if (resolved.length > 0) yield* Effect.logInfo("security alert resolved").pipe(Effect.annotateLogs({ kind }))
        return resolved.length
      })

      const judge = Effect.gen(function* () {
        yield* counts.flush
        const seen = yield* counts.read
        const now = yield* DateTime.nowAsDate
        let changes = 0
        for (const rule of alertRules) {
          const message = rule.judge(seen)
          yield* Metric.update(active(rule.kind, rule.severity), message === undefined ? 0 : 1)
          changes += yield* message === undefined ? resolve(rule, now) : raise(rule, message, now)
        }
        return changes
      }).pipe(Effect.withSpan("Alerts.judge"))

      const report = Effect.fn("Alerts.report")(function* ({ isNews, kind, message, severity, subject }: Report) {
        const now = yield* DateTime.nowAsDate
        yield* sql`
          INSERT INTO platform.alerts AS a (id, kind, subject, severity, message, opened_at, last_seen_at, notice_due_at)
          VALUES (${yield* newAlertId}, ${kind}, ${subject}, ${severity}, ${message}, ${now}, ${now}, ${now})
          ON CONFLICT (kind, subject) WHERE resolved_at IS NULL DO UPDATE SET
            message = excluded.message,
            last_seen_at = excluded.last_seen_at,
            acknowledged_at = CASE WHEN ${isNews} THEN NULL ELSE a.acknowledged_at END,
            acknowledged_by = CASE WHEN ${isNews} THEN NULL ELSE a.acknowledged_by END,
            notice_due_at = CASE
              WHEN ${isNews} THEN excluded.opened_at
              WHEN a.notice_due_at IS NULL AND a.acknowledged_at IS NULL
                AND a.notified_at <= ${new Date(now.getTime() - Duration.toMillis(reminder))} THEN excluded.opened_at
              ELSE a.notice_due_at
            END`
        if (isNews)
          yield* Effect.logError("alert").pipe(Effect.annotateLogs({ kind, subject, severity, what: message }))
      })

      const settle = Effect.fn("Alerts.settle")(function* (kind: AlertKind, subject: string) {
        const now = yield* DateTime.nowAsDate
        yield* sql`
          UPDATE platform.alerts SET resolved_at = ${now}, notice_due_at = ${now}
          WHERE kind = ${kind} AND subject = ${subject} AND resolved_at IS NULL`
      })

      const claimDue = (now: Date, leaseUntil: Date, limit: number) =>
        Effect.flatMap(
          sql`
            UPDATE platform.alerts AS a SET notice_due_at = ${leaseUntil}
            WHERE a.id IN (
              SELECT id FROM platform.alerts WHERE notice_due_at <= ${now}
              ORDER BY notice_due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
            RETURNING a.*`,
          alertsOf
        )

      const tellOne = Effect.fnUntraced(function* (alert: Alert, leaseUntil: Date) {
        const isTold = yield* notifier.tell(alert).pipe(
          Effect.as(true),
          Effect.catch((error) =>
            Effect.as(Effect.logWarning("Nobody could be told of an alert; it is tried again", error.message), false)
          )
        )
        if (!isTold) return 0
        const now = yield* DateTime.nowAsDate
        // news and an end that came in the meantime made it due once more
        yield* sql`
          UPDATE platform.alerts
          SET notified_at = ${notifier.isThere ? now : null},
            notice_due_at = CASE WHEN notice_due_at = ${leaseUntil} THEN NULL ELSE notice_due_at END
          WHERE id = ${alert.id}`
        return 1
      })

      const select = SqlSchema.findAll({
        Request: Schema.String,
        Result: Alert,
        execute: (id) => sql`SELECT * FROM platform.alerts WHERE id = ${id}`
      })

      return Alerts.of({
        judge,
        report,
        settle,
        tell: Effect.fn("Alerts.tell")(function* (limit) {
          const now = yield* DateTime.nowAsDate
          const leaseUntil = new Date(now.getTime() + Duration.toMillis(lease))
          const due = yield* claimDue(now, leaseUntil, limit)
          const told = yield* Effect.forEach(due, (alert) => tellOne(alert, leaseUntil))
          return told.reduce<number>((sum, one) => sum + one, 0)
        }),
        list: Effect.fn("Alerts.list")(function* ({ after, isOpen, limit = defaultLimit }) {
          const conditions = [
            sql`true`,
            ...(isOpen === undefined ? [] : [isOpen ? sql`resolved_at IS NULL` : sql`resolved_at IS NOT NULL`]),
            ...(after === undefined ? [] : [sql`id < ${yield* cursor.decode(after)}`])
          ]
          const rows = yield* sql`
            SELECT * FROM platform.alerts WHERE ${sql.and(conditions)} ORDER BY id DESC LIMIT ${limit + 1}`
          return toPage(yield* alertsOf(rows), limit, ({ id }) => cursor.encode(id))
        }),
        acknowledge: Effect.fn("Alerts.acknowledge")(function* (id, by) {
          const taken = yield* sql`
            UPDATE platform.alerts SET acknowledged_at = ${yield* DateTime.nowAsDate}, acknowledged_by = ${by}
            WHERE id = ${id} AND acknowledged_at IS NULL RETURNING id`
          if (taken.length > 0) yield* audit.record({ action: "alert.acknowledge", resource: { type: "alert", id } })
          const [alert] = yield* select(id).pipe(Effect.catchTag("SchemaError", Effect.die))
          return alert ?? (yield* new AlertNotFound({ alertId: id }))
        }, sql.withTransaction)
      })
    })
  )

  /** Needs `SqlClient`, `SignalCounts` and `CircuitBreakerStore`. */
  static readonly layer = Alerts.layerNoDeps.pipe(Layer.provide(AlertNotifier.layer))
}
