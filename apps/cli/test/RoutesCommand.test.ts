import { RoutingTable } from "@mall/domain/payments/Routing"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Schema } from "effect"
import { mall } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"

const write = Effect.fnUntraced(function* (content: unknown) {
  const { folder } = yield* CommandLine
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(`${folder}/routes.json`, JSON.stringify(content))
  return `${folder}/routes.json`
})

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "60 seconds" })("mall routes", (it) => {
  it.effect("shows, explains and sets where payments go", () =>
    Effect.gen(function* () {
      const before = yield* decode(RoutingTable, yield* mall("routes", "show", "--json"))
      const file = yield* write({ version: before.version, rules: [] })
      assert.strictEqual((yield* mall("routes", "set", file, "--reason", "a clean start")).code, 0)
      const stale = yield* mall("routes", "set", file, "--reason", "once more")
      assert.strictEqual(stale.code, 1)
      assert.include(stale.err, "changed in the meantime")
      const history = yield* decode(Schema.Array(RoutingTable), yield* mall("routes", "history", "--json"))
      assert.deepInclude(history[0], { version: before.version + 1, author: "operator:olga", reason: "a clean start" })
      // a command has no channel: nobody configured one here
      assert.include((yield* mall("routes", "explain", "1999", "CNY")).out, "No channel")
      assert.strictEqual((yield* mall("routes", "explain", "1999", "CNY", "--json")).out, "null")
    })
  )

  it.effect("takes what it showed, and no rule with a condition that it does not know", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const shown = yield* mall("routes", "show", "--json")
      const { version } = yield* decode(RoutingTable, shown)
      const rule = { name: "dollars", currency: ["USD"], targets: [{ channel: "paypal", weight: 1 }] }
      const file = yield* write({ version, rules: [rule] })
      const refused = yield* mall("routes", "set", file, "--reason", "dollars to PayPal")
      assert.deepInclude(refused, { code: 1, out: "" })
      assert.include(refused.err, `${file}: Expected no excess property at ["rules"][0]["currency"]`)
      yield* fs.writeFileString(file, shown.out)
      assert.strictEqual((yield* mall("routes", "set", file, "--reason", "the same again")).code, 0)
    })
  )
})
