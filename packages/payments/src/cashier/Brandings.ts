import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Branding, MerchantBranding } from "@mall/domain/payments/Branding"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Config, Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const usualColor = "#1a56db"

/** How the cashiers of merchants look. */
export class Brandings extends Context.Service<
  Brandings,
  {
    /** That of the house for the mall's own payments, and for a merchant who said nothing. */
    of(merchantId: MerchantId | null): Effect.Effect<Branding>
    readonly list: Effect.Effect<ReadonlyArray<MerchantBranding>>
    put(merchantId: MerchantId, branding: Branding, by: string): Effect.Effect<MerchantBranding>
  }
>()("@mall/payments/cashier/Brandings") {
  static readonly layer = Layer.effect(
    Brandings,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const own: Branding = {
        name: yield* Config.String("CASHIER_NAME").pipe(Config.withDefault("Mall")),
        color: yield* Config.schema(Branding.fields.color, "CASHIER_COLOR").pipe(Config.withDefault(usualColor)),
        logoUrl: null
      }
      const select = SqlSchema.findOneOption({
        Request: Schema.String,
        Result: Branding,
        execute: (id) => sql`SELECT name, color, logo_url FROM payments.branding WHERE merchant_id = ${id}`
      })
      const selectAll = SqlSchema.findAll({
        Request: Schema.Void,
        Result: MerchantBranding,
        execute: () => sql`SELECT merchant_id, name, color, logo_url FROM payments.branding ORDER BY merchant_id`
      })
      return Brandings.of({
        of: (merchantId) =>
          merchantId === null
            ? Effect.succeed(own)
            : Effect.orDie(
                Effect.map(
                  select(merchantId),
                  Option.getOrElse(() => own)
                )
              ),
        list: Effect.orDie(selectAll()),
        put: Effect.fn("Brandings.put")(
          function* (merchantId, { color, logoUrl, name }, by) {
            const former = yield* select(merchantId)
            yield* sql`
            INSERT INTO payments.branding (merchant_id, name, color, logo_url, updated_by, updated_at)
            VALUES (${merchantId}, ${name}, ${color}, ${logoUrl}, ${by}, ${yield* DateTime.nowAsDate})
            ON CONFLICT ON CONSTRAINT branding_pkey DO UPDATE SET name = excluded.name, color = excluded.color,
              logo_url = excluded.logo_url, updated_by = excluded.updated_by, updated_at = excluded.updated_at`
            const after = { name, color, logoUrl }
            yield* audit.record({
              action: "branding.put",
              resource: { type: "branding", id: merchantId },
              merchantId,
              ...(Option.isNone(former) ? { after } : { before: former.value, after })
            })
            return { merchantId, ...after }
          },
          sql.withTransaction,
          Effect.orDie
        )
      })
    })
  )
}
