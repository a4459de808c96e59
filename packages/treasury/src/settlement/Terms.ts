import type { Currency } from "@mall/domain/kernel/Currency"
import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits } from "@mall/domain/kernel/Money"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { SettlementCycle, SettlementTerms, SettlementTermsId } from "@mall/domain/treasury/SettlementTerms"
import type { NewSettlementTerms } from "@mall/domain/treasury/SettlementTerms"
import { CalendarUnknown, TermsInThePast } from "@mall/domain/treasury/SettlementError"
import type { SettlementTermsRefused } from "@mall/domain/treasury/SettlementError"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { readsOf } from "@mall/platform/Tenancy"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { Calendars } from "./Calendars.ts"
import { tenantOf } from "./Sees.ts"
import type { Sees } from "./Sees.ts"

const newTermsId = generator(SettlementTermsId)
const cycleJson = Schema.encodeSync(Schema.fromJsonString(SettlementCycle))
const decode = Schema.decodeUnknownEffect(Schema.Array(SettlementTerms))

const builtIn = (currency: Currency) =>
  new SettlementTerms({
    ...{ id: null, merchantId: null, currency, cycle: { type: "daily", businessDays: 1 }, timeZone: "UTC" },
    ...{ calendar: "default", minimum: MinorUnits.make(0), isPaidOut: false, reserveBasisPoints: 0, reserveDays: 0 },
    ...{ effectiveFrom: new Date(0), actor: "", reason: "built in", at: new Date(0) }
  })

/** What is agreed on settlement. Nothing is changed: newer terms hold from a time that is to come. */
export class Terms extends Context.Service<
  Terms,
  {
    /** The merchant's, else the platform's default, else what is built in. */
    inForce(merchantId: MerchantId, currency: Currency, at: Date): Effect.Effect<SettlementTerms, SqlError>
    /** When others come into force for the merchant after `at`; null where none are agreed. */
    changeAfter(merchantId: MerchantId, currency: Currency, at: Date): Effect.Effect<Date | null, SqlError>
    /** Newest first; a merchant sees their own and the defaults. */
    list(
      sees: Sees,
      filter: { readonly merchantId?: MerchantId | undefined; readonly currency?: Currency | undefined }
    ): Effect.Effect<ReadonlyArray<SettlementTerms>>
    set(terms: NewSettlementTerms, actor: string): Effect.Effect<SettlementTerms, SettlementTermsRefused>
  }
>()("@mall/treasury/settlement/Terms") {
  static readonly layerNoDeps = Layer.effect(
    Terms,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const calendars = yield* Calendars

      const ofThem = (merchantId: MerchantId, currency: Currency) =>
        sql`t.currency = ${currency} AND (t.merchant_id = ${merchantId} OR t.merchant_id IS NULL)`

      const inForce = Effect.fnUntraced(
        function* (merchantId: MerchantId, currency: Currency, at: Date) {
          const rows = yield* sql`
            SELECT t.* FROM treasury.settlement_terms AS t
            WHERE ${ofThem(merchantId, currency)} AND t.effective_from <= ${at}
            ORDER BY t.merchant_id IS NULL, t.effective_from DESC, t.id DESC LIMIT 1`
          return (yield* decode(rows))[0] ?? builtIn(currency)
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      return Terms.of({
        inForce,
        changeAfter: Effect.fnUntraced(
          function* (merchantId, currency, at) {
            const rows = yield* sql`
              SELECT t.* FROM treasury.settlement_terms AS t
              WHERE ${ofThem(merchantId, currency)} AND t.effective_from > ${at}
              ORDER BY t.effective_from LIMIT 1`
            return (yield* decode(rows))[0]?.effectiveFrom ?? null
          },
          Effect.catchTag("SchemaError", Effect.die)
        ),
        list: Effect.fn("Terms.list")(
          function* (sees, { currency, merchantId }) {
            const whose = sees === "all" ? merchantId : sees
            const rows = yield* readsOf(
              sql,
              "mall_pay_tenant",
              tenantOf(sees)
            )(sql`
              SELECT t.* FROM treasury.settlement_terms AS t
              WHERE ${whose === undefined ? sql`true` : sql`(t.merchant_id IS NULL OR t.merchant_id = ${whose}::uuid)`}
                AND ${currency === undefined ? sql`true` : sql`t.currency = ${currency}`}
              ORDER BY t.effective_from DESC, t.id DESC LIMIT 1000`)
            return yield* decode(rows)
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        set: Effect.fn("Terms.set")(
          function* ({ effectiveFrom, ...asked }, actor) {
            const at = yield* DateTime.nowAsDate
            const from = effectiveFrom ?? at
            if (from < at) return yield* new TermsInThePast({ effectiveFrom: from })
            const known = yield* calendars.show(asked.calendar).pipe(Effect.option)
            if (Option.isNone(known)) return yield* new CalendarUnknown({ calendar: asked.calendar })
            const id = yield* newTermsId
            const { calendar, currency, isPaidOut, merchantId, minimum, reason, timeZone } = asked
            const before = merchantId === null ? undefined : yield* inForce(merchantId, currency, at)
            yield* sql`
              INSERT INTO treasury.settlement_terms (id, merchant_id, currency, cycle, time_zone, calendar, minimum,
                is_paid_out, reserve_basis_points, reserve_days, effective_from, actor, reason, trace_id, at)
              VALUES (${id}, ${merchantId}, ${currency}, ${cycleJson(asked.cycle)}::jsonb, ${timeZone}, ${calendar},
                ${minimum}, ${isPaidOut}, ${asked.reserveBasisPoints}, ${asked.reserveDays}, ${from}, ${actor}, ${reason},
                ${yield* currentTraceId}, ${at})`
            yield* sql`
              UPDATE treasury.settlement_schedules SET next_due_at = least(next_due_at, ${from})
              WHERE currency = ${currency} AND (${merchantId}::uuid IS NULL OR merchant_id = ${merchantId}::uuid)`
            yield* audit.record({
              action: "settlement_terms.set",
              resource: { type: "settlement_terms", id },
              merchantId,
              reason,
              ...(before === undefined ? {} : { before: { ...before } }),
              after: { ...asked, effectiveFrom: from }
            })
            return new SettlementTerms({ ...asked, id, effectiveFrom: from, actor, at })
          },
          sql.withTransaction,
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
