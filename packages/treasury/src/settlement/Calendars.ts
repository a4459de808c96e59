import { BusinessCalendar } from "@mall/domain/treasury/SettlementTerms"
import type { CalendarChange } from "@mall/domain/treasury/SettlementTerms"
import { CalendarChanged, CalendarNotFound } from "@mall/domain/treasury/SettlementError"
import type { CalendarRefused } from "@mall/domain/treasury/SettlementError"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const builtIn = (name: string) =>
  new BusinessCalendar({
    ...{ name, version: 0, weekend: [6, 7], days: [], actor: "" },
    reason: "built in: Saturdays and Sundays are off",
    at: null
  })

const isKnown = ({ name, version }: BusinessCalendar) => version > 0 || name === "default"

const daysJson = Schema.encodeSync(Schema.fromJsonString(BusinessCalendar.fields.days))
const Written = Schema.Struct({ version: Schema.Int })

/** Which days are business days: a version a row, of which the newest counts. */
export class Calendars extends Context.Service<
  Calendars,
  {
    /** That of weekends alone where nobody wrote one of this name. */
    current(name: string): Effect.Effect<BusinessCalendar>
    show(name: string): Effect.Effect<BusinessCalendar, CalendarNotFound>
    /** The first version of a new name follows version 0. */
    put(name: string, change: CalendarChange, actor: string): Effect.Effect<BusinessCalendar, CalendarRefused>
  }
>()("@mall/treasury/settlement/Calendars") {
  static readonly layer = Layer.effect(
    Calendars,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder

      const select = SqlSchema.findAll({
        Request: Schema.String,
        Result: BusinessCalendar,
        execute: (name) => sql`
          SELECT c.* FROM treasury.business_calendars AS c WHERE c.name = ${name} ORDER BY c.version DESC LIMIT 1`
      })
      const current = (name: string) =>
        Effect.map(select(name), ([calendar]) => calendar ?? builtIn(name)).pipe(
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        )

      const insert = SqlSchema.findAll({
        Request: Schema.Struct({
          ...{ name: Schema.String, version: Schema.Int, weekend: Schema.Array(Schema.Int), days: Schema.String },
          ...{ actor: Schema.String, reason: Schema.String, traceId: Schema.NullOr(Schema.String), at: Schema.Date }
        }),
        Result: Written,
        // of two who change the same version one finds the number taken
        execute: ({ actor, at, days, name, reason, traceId, version, weekend }) => sql`
          INSERT INTO treasury.business_calendars (name, version, weekend, days, actor, reason, trace_id, at)
          VALUES (${name}, ${version}, ${weekend}::int[], ${days}::jsonb, ${actor}, ${reason}, ${traceId}, ${at})
          ON CONFLICT (name, version) DO NOTHING RETURNING version`
      })

      return Calendars.of({
        current: Effect.fn("Calendars.current")(current),
        show: Effect.fn("Calendars.show")((name) =>
          Effect.filterOrFail(current(name), isKnown, () => new CalendarNotFound({}))
        ),
        put: Effect.fn("Calendars.put")(
          function* (name, { days, reason, version, weekend }, actor) {
            const before = yield* current(name)
            if (version > 0 && !isKnown(before)) return yield* new CalendarNotFound({})
            if (before.version !== version) return yield* new CalendarChanged({ name, version: before.version })
            const at = yield* DateTime.nowAsDate
            const traceId = yield* currentTraceId
            const row = { name, version: version + 1, weekend, days: daysJson(days), actor, reason, traceId, at }
            const [written] = yield* insert(row)
            const after = yield* current(name)
            if (written === undefined) return yield* new CalendarChanged({ name, version: after.version })
            // any merchant's next day may be another now
            yield* sql`UPDATE treasury.settlement_schedules SET next_due_at = least(next_due_at, ${at})`
            yield* audit.record({
              action: "business_calendar.put",
              resource: { type: "business_calendar", id: name },
              reason,
              before: { version, weekend: before.weekend, days: before.days },
              after: { version: after.version, weekend, days }
            })
            return after
          },
          sql.withTransaction,
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        )
      })
    })
  )
}
