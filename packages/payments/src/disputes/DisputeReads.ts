import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { DisputeId } from "@mall/domain/payments/Dispute"
import type { Dispute, DisputeChange } from "@mall/domain/payments/Dispute"
import type { DisputeStatus } from "@mall/domain/payments/DisputeLifecycle"
import { readsOf, tenantSeeing } from "@mall/platform/Tenancy"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { PageRequest } from "../store/PaymentReads.ts"
import { DisputeHistoryRow, DisputeRow } from "./DisputeRecord.ts"

export interface DisputeFilter extends PageRequest {
  readonly status?: DisputeStatus | undefined
}

const cursor = cursorOf(Schema.Struct({ id: DisputeId }))
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(DisputeRow))

/** Lists and looks. Whose rows are seen is in the `WHERE` clause: `all` is for operators, null sees none. Newest first. */
export class DisputeReads extends Context.Service<
  DisputeReads,
  {
    list(sees: "all" | MerchantId | null, filter: DisputeFilter): Effect.Effect<Page<Dispute>, InvalidCursor>
    /** Oldest first. */
    history(id: DisputeId): Effect.Effect<ReadonlyArray<DisputeChange>>
  }
>()("@mall/payments/disputes/DisputeReads") {
  static readonly layer = Layer.effect(
    DisputeReads,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const selectHistory = SqlSchema.findAll({
        Request: Schema.String,
        Result: DisputeHistoryRow,
        execute: (id) => sql`SELECT h.* FROM payments.dispute_history AS h WHERE h.dispute_id = ${id} ORDER BY h.id`
      })
      return DisputeReads.of({
        list: Effect.fn("DisputeReads.list")(
          function* (sees, { after, limit = defaultLimit, status }) {
            const clauses = [
              sees === "all" ? sql`true` : sql`d.merchant_id = ${sees}`,
              ...(status === undefined ? [] : [sql`d.status = ${status}`]),
              ...(after === undefined ? [] : [sql`d.id < ${(yield* cursor.decode(after)).id}`])
            ]
            const rows = yield* sql`
              SELECT d.* FROM payments.disputes AS d WHERE ${sql.and(clauses)} ORDER BY d.id DESC LIMIT ${limit + 1}`.pipe(
              readsOf(sql, "mall_pay_tenant", tenantSeeing(sees))
            )
            return toPage(
              (yield* decodeRows(rows)).map(({ dispute }) => dispute),
              limit,
              ({ id }) => cursor.encode({ id })
            )
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        history: (id) =>
          selectHistory(id).pipe(
            Effect.map((rows) => rows.map(({ change }) => change)),
            Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
          )
      })
    })
  )
}
