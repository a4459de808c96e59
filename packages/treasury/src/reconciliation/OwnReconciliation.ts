import { CurrentUser, shopOf } from "@mall/domain/identity/CurrentUser"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { DifferenceId } from "@mall/domain/treasury/Difference"
import { OwnDifference, OwnRun } from "@mall/domain/treasury/OwnReconciliation"
import { NotStaff } from "@mall/domain/treasury/PayoutError"
import { DifferenceNotFound, RunNotFound } from "@mall/domain/treasury/ReconciliationError"
import type { RunId } from "@mall/domain/treasury/Run"
import { readsOf } from "@mall/platform/Tenancy"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { differenceColumns } from "./DifferenceRepo.ts"
import { ReconciliationReads } from "./ReconciliationReads.ts"
import type { DifferenceFilter, RunFilter } from "./ReconciliationReads.ts"
import { runColumns } from "./RunRepo.ts"

type OwnRunFilter = Omit<RunFilter, "merchantId">
type OwnDifferenceFilter = Omit<DifferenceFilter, "merchantId">

const decodeRuns = Schema.decodeUnknownEffect(Schema.Array(OwnRun))
const decodeDifferences = Schema.decodeUnknownEffect(Schema.Array(OwnDifference))

/** Whose accounts are looked at: those of the shop whose staff or server calls, and nobody else's where they are the mall's besides. */
export const ownShop = Effect.flatMap(CurrentUser, (user) =>
  Effect.fromOption(shopOf(user, "reconciliation:own"), () => new NotStaff({}))
)

/** What a merchant sees of the reconciliation of their own accounts; of the platform's, and of others', nothing. */
export class OwnReconciliation extends Context.Service<
  OwnReconciliation,
  {
    /** Newest first. */
    runs(merchantId: MerchantId, filter: OwnRunFilter): Effect.Effect<Page<OwnRun>, InvalidCursor>
    run(merchantId: MerchantId, id: RunId): Effect.Effect<OwnRun, RunNotFound>
    /** Newest first. */
    differences(merchantId: MerchantId, filter: OwnDifferenceFilter): Effect.Effect<Page<OwnDifference>, InvalidCursor>
    difference(merchantId: MerchantId, id: DifferenceId): Effect.Effect<OwnDifference, DifferenceNotFound>
  }
>()("@mall/treasury/reconciliation/OwnReconciliation") {
  static readonly layerNoDeps = Layer.effect(
    OwnReconciliation,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const reads = yield* ReconciliationReads

      const within = (merchantId: MerchantId) => readsOf(sql, "mall_pay_tenant", { merchantId })

      return OwnReconciliation.of({
        runs: Effect.fn("OwnReconciliation.runs")(
          (merchantId, filter) => reads.runs({ ...filter, merchantId }),
          (effect, merchantId) => within(merchantId)(effect),
          Effect.catchTag("SqlError", Effect.die)
        ),
        run: Effect.fn("OwnReconciliation.run")(
          function* (merchantId, id) {
            const rows = yield* sql`
              SELECT ${runColumns(sql)} FROM treasury.reconciliation_runs AS r
              WHERE r.id = ${id} AND r.merchant_id = ${merchantId}`
            const [run] = yield* decodeRuns(rows)
            return run ?? (yield* new RunNotFound({ runId: id }))
          },
          (effect, merchantId) => within(merchantId)(effect),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        differences: Effect.fn("OwnReconciliation.differences")(
          (merchantId, filter) => reads.differences({ ...filter, merchantId }),
          (effect, merchantId) => within(merchantId)(effect),
          Effect.catchTag("SqlError", Effect.die)
        ),
        difference: Effect.fn("OwnReconciliation.difference")(
          function* (merchantId, id) {
            const rows = yield* sql`
              SELECT ${differenceColumns(sql)} FROM treasury.differences AS d
              WHERE d.id = ${id} AND d.merchant_id = ${merchantId}`
            const [difference] = yield* decodeDifferences(rows)
            return difference ?? (yield* new DifferenceNotFound({ differenceId: id }))
          },
          (effect, merchantId) => within(merchantId)(effect),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        )
      })
    })
  )
}
