import type { UserId } from "@mall/domain/identity/CurrentUser"
import { ApplicationChange } from "@mall/domain/merchants/Application"
import type { ApplicationId, ApplicationStatus } from "@mall/domain/merchants/Application"
import { ApplicationOpen, MerchantCodeTaken } from "@mall/domain/merchants/MerchantError"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { jsonText } from "../Actor.ts"
import type { Ruling } from "../Actor.ts"
import { ApplicationRow } from "./ApplicationRecord.ts"

export interface ApplicationFilter {
  readonly applicantId?: UserId
  readonly status?: ApplicationStatus
  /** Before this one. */
  readonly before?: ApplicationId
  readonly limit: number
}

type Taken = ApplicationOpen | MerchantCodeTaken

/** Applications and their history. Who writes has locked. */
export class ApplicationRepo extends Context.Service<
  ApplicationRepo,
  {
    find(id: ApplicationId): Effect.Effect<Option.Option<ApplicationRow>, SqlError>
    lock(id: ApplicationId): Effect.Effect<Option.Option<ApplicationRow>, SqlError>
    /** Newest first. */
    list(filter: ApplicationFilter): Effect.Effect<ReadonlyArray<ApplicationRow>, SqlError>
    insert(row: ApplicationRow, ruling: Ruling): Effect.Effect<void, SqlError | Taken>
    /** The history gets a line where the status changed. */
    update(before: ApplicationRow, after: ApplicationRow, ruling: Ruling): Effect.Effect<void, SqlError | Taken>
    history(id: ApplicationId): Effect.Effect<ReadonlyArray<ApplicationChange>, SqlError>
    /** The last one of a merchant that was approved, which says whom to write to. */
    lastApproved(merchantId: MerchantId): Effect.Effect<Option.Option<ApplicationRow>, SqlError>
  }
>()("@mall/merchants/onboarding/ApplicationRepo") {
  static readonly layer = Layer.effect(
    ApplicationRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const one = (suffix: string) =>
        SqlSchema.findOneOption({
          Request: Schema.String,
          Result: ApplicationRow,
          execute: (id) => sql`SELECT a.* FROM merchants.applications AS a WHERE a.id = ${id} ${sql.literal(suffix)}`
        })
      const [find, lock] = [one(""), one("FOR UPDATE")]
      const decodeRows = Schema.decodeUnknownEffect(Schema.Array(ApplicationRow))
      const selectHistory = SqlSchema.findAll({
        Request: Schema.String,
        Result: ApplicationChange,
        execute: (id) =>
          sql`SELECT h.* FROM merchants.application_history AS h WHERE h.application_id = ${id} ORDER BY h.id`
      })
      const selectApproved = SqlSchema.findOneOption({
        Request: Schema.String,
        Result: ApplicationRow,
        execute: (id) => sql`
          SELECT a.* FROM merchants.applications AS a WHERE a.merchant_id = ${id} AND a.status = 'approved'
          ORDER BY a.id DESC LIMIT 1`
      })

      const note = Effect.fnUntraced(function* (
        { id, status, updatedAt }: ApplicationRow,
        from: ApplicationStatus | null,
        { actor, reason }: Ruling
      ) {
        yield* sql`
          INSERT INTO merchants.application_history (application_id, from_status, to_status, actor, reason, trace_id, at)
          VALUES (${id}, ${from}, ${status}, ${actor}, ${reason}, ${yield* currentTraceId}, ${updatedAt})`
      })

      const refusing =
        (code: string) =>
        <A, E, R>(effect: Effect.Effect<A, E | SqlError, R>) =>
          Effect.catchReason(effect, "SqlError", "UniqueViolation", ({ constraint }) =>
            Effect.fail(
              constraint === "applications_code_key"
                ? new MerchantCodeTaken({ merchantCode: code })
                : new ApplicationOpen({})
            )
          )

      const insert = Effect.fnUntraced(
        function* (row: ApplicationRow, ruling: Ruling) {
          yield* sql`
            INSERT INTO merchants.applications (
              id, applicant_id, merchant_id, purpose, status, kind, level, country, code, shop_name,
              personal_data, personal_data_key, created_at, updated_at
            ) VALUES (
              ${row.id}, ${row.applicantId}, ${row.merchantId}, ${row.purpose}, ${row.status}, ${row.kind}, ${row.level},
              ${row.country}, ${row.code}, ${jsonText(row.shopName)}::jsonb,
              ${row.personalData}, ${row.personalDataKey}, ${row.createdAt}, ${row.updatedAt}
            )`
          yield* note(row, null, ruling)
        },
        (effect, { code }) => refusing(code)(effect)
      )

      const update = Effect.fnUntraced(
        function* (before: ApplicationRow, after: ApplicationRow, ruling: Ruling) {
          yield* sql`
            UPDATE merchants.applications SET
              merchant_id = ${after.merchantId}, status = ${after.status}, kind = ${after.kind}, level = ${after.level},
              country = ${after.country}, code = ${after.code}, shop_name = ${jsonText(after.shopName)}::jsonb,
              personal_data = ${after.personalData}, personal_data_key = ${after.personalDataKey},
              recommendation = ${after.recommendation}, recommended_by = ${after.recommendedBy},
              decided_by = ${after.decidedBy}, updated_at = ${after.updatedAt}
            WHERE id = ${after.id}`
          if (before.status !== after.status) yield* note(after, before.status, ruling)
        },
        (effect, _, { code }) => refusing(code)(effect)
      )

      const list = Effect.fnUntraced(
        function* ({ applicantId, before, limit, status }: ApplicationFilter) {
          const clauses = [
            sql`true`,
            ...(applicantId === undefined ? [] : [sql`a.applicant_id = ${applicantId}`]),
            ...(status === undefined ? [] : [sql`a.status = ${status}`]),
            ...(before === undefined ? [] : [sql`a.id < ${before}`])
          ]
          const rows = yield* sql`
            SELECT a.* FROM merchants.applications AS a WHERE ${sql.and(clauses)} ORDER BY a.id DESC LIMIT ${limit}`
          return yield* decodeRows(rows)
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      return ApplicationRepo.of({
        find: (id) => Effect.catchTag(find(id), "SchemaError", Effect.die),
        lock: (id) => Effect.catchTag(lock(id), "SchemaError", Effect.die),
        list,
        insert,
        update,
        history: (id) => Effect.catchTag(selectHistory(id), "SchemaError", Effect.die),
        lastApproved: (id) => Effect.catchTag(selectApproved(id), "SchemaError", Effect.die)
      })
    })
  )
}
