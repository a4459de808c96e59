import { MerchantId } from "@mall/domain/merchants/Merchant"
import { TermsBackdated, TermsChanged } from "@mall/domain/merchants/TermsError"
import { newVersion } from "@mall/domain/merchants/Version"
import type { AuditAction } from "@mall/domain/operations/Audit"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { readsOf } from "@mall/platform/Tenancy"
import { Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { holderOf } from "./holderRow.ts"
import { TermsConfig } from "./TermsConfig.ts"

const NewVersion = Schema.Struct(newVersion)

const VersionRow = Schema.Struct({
  merchantId: MerchantId,
  subject: Schema.String,
  version: Schema.Int,
  effectiveFrom: Schema.Date,
  content: Schema.Json,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
})
export type VersionRow = typeof VersionRow.Type

export type NewVersion = Pick<VersionRow, "merchantId" | "subject" | "content"> &
  typeof NewVersion.Type & { readonly action: AuditAction; readonly actor: string }

const contentJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))
const historyLimit = 200

/**
 * What was agreed with merchants, a version a row, none of them ever changed. A subject is what versions replace each other in: the
 * fees, or the limits of one currency.
 */
export class TermsVersions extends Context.Service<
  TermsVersions,
  {
    /** Newest first, at most 200. As the merchant itself may see them where `asTenant`. */
    list(
      merchantId: MerchantId,
      subjects: string,
      asTenant?: boolean
    ): Effect.Effect<ReadonlyArray<VersionRow>, SqlError>
    /** All of them whose subject begins so. Within the ambient transaction, if there is one. */
    all(merchantIds: ReadonlyArray<MerchantId>, subjects: string): Effect.Effect<ReadonlyArray<VersionRow>, SqlError>
    /** Joins the ambient transaction, of which `TermsChanged` must undo the rest. */
    put(change: NewVersion): Effect.Effect<VersionRow, TermsChanged | TermsBackdated | SqlError>
  }
>()("@mall/merchants/terms/TermsVersions") {
  static readonly layer = Layer.effect(
    TermsVersions,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const { lead } = yield* TermsConfig

      const selectOf = SqlSchema.findAll({
        Request: Schema.Struct({ merchantId: MerchantId, subjects: Schema.String }),
        Result: VersionRow,
        execute: ({ merchantId, subjects }) => sql`
          SELECT v.* FROM merchant_terms.versions AS v
          WHERE v.merchant_id = ${merchantId} AND starts_with(v.subject, ${subjects})
          ORDER BY v.at DESC, v.subject, v.version DESC LIMIT ${historyLimit}`
      })
      const selectAll = SqlSchema.findAll({
        Request: Schema.Struct({ merchantIds: Schema.Array(MerchantId), subjects: Schema.String }),
        Result: VersionRow,
        execute: ({ merchantIds, subjects }) => sql`
          SELECT v.* FROM merchant_terms.versions AS v
          WHERE v.merchant_id = ANY(${merchantIds}::uuid[]) AND starts_with(v.subject, ${subjects})`
      })
      const selectNewest = SqlSchema.findAll({
        Request: Schema.Struct({ merchantId: MerchantId, subject: Schema.String }),
        Result: VersionRow,
        execute: ({ merchantId, subject }) => sql`
          SELECT v.* FROM merchant_terms.versions AS v WHERE v.merchant_id = ${merchantId} AND v.subject = ${subject}
          ORDER BY v.version DESC LIMIT 1`
      })
      const insert = SqlSchema.findAll({
        Request: VersionRow,
        Result: VersionRow,
        // of two who change the same version one finds the number taken
        execute: ({ actor, at, content, effectiveFrom, merchantId, reason, subject, traceId, version }) => sql`
          INSERT INTO merchant_terms.versions
            (merchant_id, subject, version, effective_from, content, actor, reason, trace_id, at)
          VALUES (${merchantId}, ${subject}, ${version}, ${effectiveFrom}, ${contentJson(content)}::jsonb, ${actor},
            ${reason}, ${traceId}, ${at})
          ON CONFLICT (merchant_id, subject, version) DO NOTHING
          RETURNING *`
      })

      const put = Effect.fn("TermsVersions.put")(
        function* ({ action, actor, content, effectiveFrom, merchantId, reason, subject, version }: NewVersion) {
          const at = yield* DateTime.nowAsDate
          const earliest = new Date(at.getTime() + Duration.toMillis(lead))
          if (effectiveFrom !== undefined && effectiveFrom < earliest) return yield* new TermsBackdated({ earliest })
          const [before] = yield* selectNewest({ merchantId, subject })
          const newest = before?.version ?? 0
          if (newest !== version) return yield* new TermsChanged({ version: newest })
          const [row] = yield* insert({
            ...{ merchantId, subject, version: version + 1, effectiveFrom: effectiveFrom ?? earliest, content },
            ...{ actor, reason, traceId: yield* currentTraceId, at }
          })
          if (row === undefined) return yield* new TermsChanged({ version: version + 1 })
          const fieldsOf = ({ content, effectiveFrom, version }: VersionRow) => ({ version, effectiveFrom, content })
          const holder = holderOf(merchantId)
          yield* audit.record({
            action,
            resource: { type: "merchant_terms", id: `${holder}:${subject}` },
            merchantId: holder === "platform" ? null : holder,
            reason,
            ...(before === undefined ? {} : { before: fieldsOf(before) }),
            after: fieldsOf(row)
          })
          return row
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      return TermsVersions.of({
        list: (merchantId, subjects, asTenant = false) =>
          selectOf({ merchantId, subjects }).pipe(
            readsOf(sql, "mall_pay_tenant", asTenant ? { merchantId } : undefined),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        all: (merchantIds, subjects) =>
          Effect.catchTag(selectAll({ merchantIds, subjects }), "SchemaError", Effect.die),
        put
      })
    })
  )
}
