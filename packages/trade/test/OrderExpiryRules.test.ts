import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { OrderExpiryRules } from "../src/OrderExpiryRules.ts"
import { newCategoryId, TestTrade } from "./TestTrade.ts"

layer(TestTrade, { excludeTestServices: true })("OrderExpiryRules", (it) => {
  it.effect("leaves in the audit trail the very rule that was changed", () =>
    Effect.gen(function* () {
      const rules = yield* OrderExpiryRules
      const sql = yield* SqlClient.SqlClient
      const food = yield* newCategoryId
      const ofAny = { merchantId: null, categoryId: null, paymentMethod: null }
      const ofFood = { ...ofAny, categoryId: food }
      yield* rules.put({ ...ofFood, expirySeconds: 700 }, "test")
      yield* rules.put({ ...ofAny, expirySeconds: 600 }, "test")
      yield* rules.remove(ofAny, "test")
      const entries = yield* sql<{
        readonly resourceId: string
        readonly before: { readonly expirySeconds: number } | null
      }>`
        SELECT resource_id, before FROM platform.audit_entries WHERE resource_type = 'order_expiry_rule'
        ORDER BY audit_entries.id`
      assert.deepStrictEqual(
        entries.map(({ before, resourceId }) => [resourceId, before?.expirySeconds]),
        [
          [food, undefined],
          ["", undefined],
          ["", 600]
        ]
      )
    })
  )
})
