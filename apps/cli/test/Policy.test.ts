import { assert, layer } from "@effect/vitest"
import { Block, BlockPage } from "@mall/domain/identity/Block"
import {
  PolicyDiff,
  PolicyExplanation,
  PolicyVersion,
  PolicyVersionPage,
  RoleHolderPage
} from "@mall/domain/identity/Policy"
import { Effect, FileSystem } from "effect"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { CommandLine, decode } from "./CommandLine.ts"

const mall = (...args: ReadonlyArray<string>) => CommandLine.use((line) => line.mall(...args))

/** Writes JSON into a file of the test's own and answers with its name. */
const write = Effect.fnUntraced(function* (name: string, value: unknown) {
  const { folder } = yield* CommandLine
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(`${folder}/${name}`, typeof value === "string" ? value : JSON.stringify(value))
  return `${folder}/${name}`
}, Effect.provide(NodeServices.layer))

const support = { name: "support", rules: [{ effect: "allow", resource: "orders", action: "*" }] }

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "60 seconds" })("mall policy", (it) => {
  it.effect("compares, tests, applies and rolls back a policy", () =>
    Effect.gen(function* () {
      yield* mall("seed")
      const file = yield* write("policy.json", { roles: [support] })
      const diff = yield* decode(PolicyDiff, yield* mall("policy", "diff", file, "--json"))
      assert.deepStrictEqual(diff.opens, [
        { role: "support", permission: "orders:read" },
        { role: "support", permission: "orders:fulfil" },
        { role: "support", permission: "orders:administer" }
      ])

      const expectation = { roles: ["support"], may: true, permission: "orders:fulfil" }
      const buyer = { user: "buyer@demo.mall", may: false, permission: "orders:fulfil" }
      const good = yield* write("good.json", { expectations: [expectation, buyer] })
      const before = yield* mall("policy", "test", good)
      assert.deepStrictEqual([before.code, before.err], [1, "1 of 2 expectations are not met."])
      assert.include(before.out, "FAILED")
      assert.strictEqual((yield* mall("policy", "test", good, "--policy", file)).code, 0)

      const asked = yield* mall("policy", "apply", file, "--reason", "support sees orders")
      assert.strictEqual(asked.code, 2)
      const apply = ["policy", "apply", file, "--reason", "support sees orders", "--yes"]
      const applied = yield* decode(PolicyVersion, yield* mall(...apply, "--json"))
      assert.deepInclude(applied, { version: 1, author: "operator:olga", reason: "support sees orders" })
      assert.strictEqual((yield* mall("policy", "test", good)).code, 0)
      assert.include((yield* mall("policy", "show")).out, "orders × *")

      const granted = yield* mall("users", "grant", "buyer@demo.mall", "support", "--reason", "helps out")
      assert.strictEqual(granted.code, 0)
      assert.include((yield* mall("users", "show", "buyer@demo.mall")).out, "helps out")
      const who = yield* decode(RoleHolderPage, yield* mall("policy", "who-can", "orders:fulfil", "--json"))
      assert.deepStrictEqual(
        who.data.map(({ email }) => email),
        ["admin@demo.mall", "buyer@demo.mall"]
      )
      const explained = yield* mall("policy", "explain", "buyer@demo.mall", "orders:fulfil", "--json")
      assert.deepInclude(yield* decode(PolicyExplanation, explained), {
        allowed: true,
        because: "Allowed by support: allow orders × *"
      })

      const rolledBack = yield* mall("policy", "rollback", "0", "--reason", "too much", "--yes")
      assert.strictEqual(rolledBack.code, 0)
      assert.include(rolledBack.out, "closes")
      const versions = yield* decode(PolicyVersionPage, yield* mall("policy", "versions", "--json"))
      assert.deepStrictEqual(
        versions.data.map(({ restores, version }) => [version, restores]),
        [
          [2, 0],
          [1, null]
        ]
      )
      const gone = yield* mall("users", "grant", "buyer@demo.mall", "support", "--reason", "x")
      assert.strictEqual(gone.code, 1)
    })
  )

  it.effect("tells in one sentence what is wrong with a file", () =>
    Effect.gen(function* () {
      const wrong = [
        ["not-json.json", "{", /not-json\.json: /],
        ["excess.json", { roles: [], rolls: [] }, /excess\.json: .*rolls/],
        ["name.json", { roles: [{ name: "Sup port", rules: [] }] }, /name\.json: .*small letters/],
        ["circle.json", { roles: [{ name: "a", inherits: ["a"], rules: [] }] }, /inherits itself: a → a/],
        [
          "idle.json",
          { roles: [{ ...support, rules: [{ effect: "deny", resource: "oders", action: "*" }] }] },
          /matches no permission/
        ]
      ] as const
      for (const [name, value, expected] of wrong) {
        const file = yield* write(name, value)
        const { code, err, out } = yield* mall("policy", "apply", file, "--reason", "x", "--yes")
        assert.deepStrictEqual([code, out], [1, ""], name)
        assert.match(err, expected)
        assert.notInclude(err.trim(), "\n")
      }
      assert.strictEqual((yield* mall("policy", "rollback", "99", "--reason", "x", "--yes")).code, 1)
      assert.strictEqual((yield* mall("policy", "who-can", "orders:eat")).code, 2)
    })
  )

  it.effect("keeps networks and devices out, and lets them in again", () =>
    Effect.gen(function* () {
      const add = ["blocks", "add", "--network", "203.0.113.9/24", "--for", "12 hours", "--reason", "abuse", "--json"]
      const block = yield* decode(Block, yield* mall(...add))
      assert.deepInclude(block, { kind: "network", subject: "203.0.113.0/24", author: "operator:olga" })
      assert.strictEqual((yield* mall(...add)).code, 1)
      assert.strictEqual((yield* mall("blocks", "add", "--device", "d1", "--reason", "lost")).code, 0)
      const listed = yield* decode(BlockPage, yield* mall("blocks", "list", "--kind", "network", "--json"))
      assert.deepStrictEqual(
        listed.data.map(({ id }) => id),
        [block.id]
      )
      assert.strictEqual((yield* mall("blocks", "remove", block.id, "--reason", "over")).code, 0)
      const again = yield* mall("blocks", "remove", block.id, "--reason", "over")
      assert.deepStrictEqual([again.code, again.out], [1, ""])
      assert.include(again.err, "There is no such block")
      assert.include((yield* mall("blocks", "list", "--all")).out, "203.0.113.0/24")
      for (const wrong of [
        [],
        ["--network", "203.0.113.9", "--device", "d1"],
        ["--network", "300.1.1.1"],
        ["--network", "10.0.0.0/7"]
      ]) {
        assert.strictEqual((yield* mall("blocks", "add", ...wrong, "--reason", "x")).code, 2, wrong.join(" "))
      }
    })
  )
})

const closing = CommandLine.layerWith({ ANONYMOUS_ROUTES: "GET /api/v1/products/*, RPC products.*" })

layer(closing, { excludeTestServices: true })("mall policy anonymous, where the list is a mistake", (it) => {
  it.effect("says which entry it is", () =>
    Effect.gen(function* () {
      const { code, err } = yield* mall("policy", "anonymous")
      assert.strictEqual(code, 1)
      assert.include(err, '"RPC products.*" would open rpc products.')
    })
  )
})

const some = CommandLine.layerWith({ ANONYMOUS_ROUTES: "GET /api/v1/products/*, RPC products.list" })

layer(some, { excludeTestServices: true })("mall policy anonymous", (it) => {
  it.effect("shows which public routes are open", () =>
    Effect.gen(function* () {
      const { code, out } = yield* mall("policy", "anonymous")
      assert.strictEqual(code, 0)
      assert.match(out, /^GET \/api\/v1\/products\/:id +open$/m)
      assert.match(out, /^rpc products\.list +open$/m)
      assert.match(out, /^GET \/api\/v1\/products +asks for a token$/m)
      assert.notInclude(out, "/api/v1/orders")
    })
  )
})
