import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import { alertRules } from "../../src/alerts/alertRules.ts"
import type { Seen } from "../../src/alerts/alertRules.ts"

const file = path.join(import.meta.dirname, "../../../../deploy/prometheus/alerts.yml")

/** The rules of the group `security`: each with its severity and the limit in its expression. */
const security = fs
  .readFileSync(file, "utf8")
  .split(/^ {2}- name: /m)
  .filter((group) => group.startsWith("security"))
  .flatMap((group) => group.split(/- alert: /).slice(1))
  .map((rule) => ({
    name: rule.split("\n")[0] ?? "",
    severity: /severity: (P\d)/.exec(rule)?.[1],
    share: Number(/> ([0-9.]+) \*/.exec(rule)?.[1]),
    limit: Number(/> (\d+)$/m.exec(rule)?.[1])
  }))

const nameOf = (kind: string) =>
  kind
    .split("_")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("")

/** Counts where `part` of a thousand are bad, or where a signal that has no whole stands at `part`. */
const counting = (part: number): Seen => ({
  counts: (signal) => {
    const count = signal === "callbacks" || signal === "tickets_shown" ? 1_000 : part
    return { perMinute: count, fiveMinutes: count, hour: count }
  },
  busiest: () => ({ caller: "network 203.0.113.0/24", hour: part })
})

describe("The rules for Prometheus and Grafana", () => {
  it("ring where the workers' own ring, above the same limits and as loud (13.09, 13.10 P2-6)", () => {
    assert.deepStrictEqual(
      security.map(({ name, severity }) => [name, severity]),
      alertRules.map(({ kind, severity }) => [nameOf(kind), severity])
    )
    for (const [index, { judge, kind }] of alertRules.entries()) {
      const { limit = 0, share = 0 } = security[index] ?? {}
      const most = Number.isNaN(share) ? limit : share * 1_000
      assert.isAbove(most, 0, kind)
      assert.isUndefined(judge(counting(most)), kind)
      assert.isDefined(judge(counting(most + 1)), kind)
    }
  })
})
