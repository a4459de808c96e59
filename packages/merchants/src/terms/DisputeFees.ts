import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { disputeFeeOf } from "@mall/domain/merchants/disputeFeeOf"
import type { DisputeCase, DisputeFeeMovement } from "@mall/domain/merchants/FeeSchedule"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { inForce } from "@mall/domain/merchants/Version"
import { DisputeId } from "@mall/domain/payments/Dispute"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { FeePlans } from "./FeePlans.ts"

const Row = Schema.Struct({
  disputeId: DisputeId,
  merchantId: MerchantId,
  currency: Currency,
  planVersion: Schema.Int,
  kept: MinorUnits,
  at: Schema.Date
})

/** A dispute that costs something, or did. */
interface Due {
  readonly dispute: DisputeCase
  readonly planVersion: number
  readonly kept: number
  readonly due: number
}

/** What disputes cost merchants, by the plan of when we heard of each. */
export class DisputeFees extends Context.Service<
  DisputeFees,
  {
    /** Joins the ambient transaction, which holds the locks of the disputes. */
    charge(cases: ReadonlyArray<DisputeCase>, at: Date): Effect.Effect<ReadonlyArray<DisputeFeeMovement>, SqlError>
    kept(
      cases: ReadonlyArray<DisputeCase>
    ): Effect.Effect<ReadonlyMap<DisputeId, { readonly kept: number; readonly due: number }>, SqlError>
  }
>()("@mall/merchants/terms/DisputeFees") {
  static readonly layerNoDeps = Layer.effect(
    DisputeFees,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const plans = yield* FeePlans

      const select = SqlSchema.findAll({
        Request: Schema.Array(DisputeId),
        Result: Row,
        execute: (ids) => sql`
          SELECT d.* FROM merchant_terms.dispute_fees AS d WHERE d.dispute_id = ANY(${ids}::uuid[]) ORDER BY d.dispute_id`
      })
      const save = SqlSchema.void({
        Request: Row,
        execute: ({ at, currency, disputeId, kept, merchantId, planVersion }) => sql`
          INSERT INTO merchant_terms.dispute_fees AS d (dispute_id, merchant_id, currency, plan_version, kept, at)
          VALUES (${disputeId}, ${merchantId}, ${currency}, ${planVersion}, ${kept}, ${at})
          ON CONFLICT (dispute_id) DO UPDATE SET kept = excluded.kept, at = excluded.at`
      })

      const dueOf = Effect.fnUntraced(
        function* (cases: ReadonlyArray<DisputeCase>) {
          const versions = yield* plans.all([...new Set(cases.map(({ merchantId }) => merchantId))])
          const rows = yield* select(cases.map(({ disputeId }) => disputeId))
          const kept = new Map(rows.map((row) => [row.disputeId, row.kept]))
          return cases.flatMap((dispute): ReadonlyArray<Due> => {
            const plan = inForce(versions.get(dispute.merchantId) ?? [], dispute.openedAt)
            if (plan === undefined) return []
            const before = kept.get(dispute.disputeId) ?? 0
            const due = disputeFeeOf(plan.content, dispute, before)
            return due === 0 && !kept.has(dispute.disputeId)
              ? []
              : [{ dispute, planVersion: plan.version, kept: before, due }]
          })
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      return DisputeFees.of({
        charge: Effect.fn("DisputeFees.charge")(
          function* (cases, at) {
            const moved = (yield* dueOf(cases)).filter(({ due, kept }) => due !== kept)
            yield* Effect.forEach(
              moved,
              ({ dispute: { currency, disputeId, merchantId }, due, planVersion }) =>
                save({ disputeId, merchantId, currency, planVersion, kept: MinorUnits.make(due), at }),
              { discard: true }
            )
            return moved.map(({ dispute: { currency, disputeId, merchantId }, due, kept, planVersion }) => ({
              ...{ disputeId, merchantId, planVersion, money: Money.of(Math.abs(due - kept), currency) },
              direction: due > kept ? ("charged" as const) : ("returned" as const)
            }))
          },
          Effect.catchTag("SchemaError", Effect.die)
        ),
        kept: (cases) =>
          Effect.map(
            dueOf(cases),
            (all) => new Map(all.map(({ dispute, due, kept }) => [dispute.disputeId, { kept, due }]))
          )
      })
    })
  )
}
