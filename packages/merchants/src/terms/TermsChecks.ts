import * as Checks from "@mall/platform/doctor/Checks"
import { finding, pageSize } from "@mall/platform/doctor/Checks"
import type { Check } from "@mall/platform/doctor/Checks"
import { Effect } from "effect"
import { isFault, Quotas } from "./Quotas.ts"

const made = Effect.gen(function* () {
  const quotas = yield* Quotas

  const holds: Check = {
    name: "quota_holds",
    says: "What a merchant's quota counts as held and used is what their payments hold and used of it",
    severity: "P1",
    reach: "database",
    look: ({ after, selection }) =>
      Effect.map(quotas.compare(selection, after ?? ""), (rows) => ({
        looked: rows.length,
        findings: rows.filter(isFault).map(({ held, heldByPayments, key, used, usedByPayments }) => {
          const expected = `${heldByPayments} / ${usedByPayments}`
          const found = `${held} / ${used}`
          const summary = `held / used of quota ${key} are ${found}, its payments say ${expected}`
          return finding({ type: "quota", id: key }, summary, { expected, found })
        }),
        next: rows.length < pageSize ? null : (rows.at(-1)?.key ?? null)
      }))
  }

  return { checks: [holds] }
})

/** What the terms of merchants make sure of. Needs `Checks` and `Quotas`. */
export const layer = Checks.layer(made)
