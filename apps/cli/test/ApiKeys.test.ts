import { assert, layer } from "@effect/vitest"
import { ApiKey, IssuedApiKey } from "@mall/domain/identity/ApiKey"
import { Page } from "@mall/domain/kernel/Page"
import { Effect } from "effect"
import { CommandLine, decode } from "./CommandLine.ts"

const merchant = "019a0000-0000-7000-8000-0000000000aa"

const mall = (...args: ReadonlyArray<string>) => CommandLine.use((line) => line.mall("api-keys", ...args))

const create = (...more: ReadonlyArray<string>) =>
  mall("create", merchant, "till 7", "--scope", "payments:read", "--reason", "new till", ...more)

layer(CommandLine.layer, { excludeTestServices: true, timeout: "60 seconds" })("mall api-keys", (it) => {
  it.effect("makes a key, shows it once, rotates and revokes it; the history names the operator and the reason", () =>
    Effect.gen(function* () {
      yield* CommandLine.use((line) => line.mall("migrate"))
      const nameless = ["create", merchant, " ", "--scope", "payments:create", "--reason", "new till"]
      assert.strictEqual((yield* mall(...nameless)).code, 2)
      const networks = ["--from", "203.0.113.0/24", "--from", "2001:db8::/32"]
      const made = yield* create("--days", "30", ...networks, "--scope", "payments:create", "--json")
      const { apiKey, key } = yield* decode(IssuedApiKey, made)
      assert.deepStrictEqual(apiKey.allowedNetworks, ["203.0.113.0/24", "2001:db8::/32"])
      assert.deepStrictEqual([apiKey.method, apiKey.scopes.length, apiKey.status], ["signature", 2, "active"])
      const listed = yield* mall("list", merchant)
      assert.include(listed.out, apiKey.id)
      assert.notInclude(listed.out, key)

      const rotate = ["rotate", merchant, apiKey.id, "--overlap", "0", "--reason", "it leaked"]
      assert.strictEqual((yield* mall(...rotate)).code, 2)
      const rotated = yield* mall(...rotate, "--yes")
      assert.include(rotated.out, "operator:olga")
      assert.include(rotated.out, "It is shown this once.")

      const revoke = ["revoke", merchant, apiKey.id, "--reason", "till stolen"]
      assert.strictEqual((yield* mall(...revoke)).code, 2)
      const revoked = yield* decode(ApiKey, yield* mall(...revoke, "--yes", "--json"))
      assert.deepStrictEqual(
        revoked.history.map(({ actor, change, reason }) => [change, actor, reason]),
        [
          ["created", "operator:olga", "new till"],
          ["rotated", "operator:olga", "it leaked"],
          ["revoked", "operator:olga", "till stolen"]
        ]
      )
      const page = yield* decode(Page(ApiKey), yield* mall("list", merchant, "--json"))
      assert.deepStrictEqual(
        page.data.map(({ status }) => status),
        ["revoked"]
      )
    })
  )

  it.effect("tells in a sentence what is wrong", () =>
    Effect.gen(function* () {
      const other = "019a0000-0000-7000-8000-0000000000bb"
      const { apiKey } = yield* decode(IssuedApiKey, yield* create("--method", "secret", "--json"))
      const foreign = yield* mall("revoke", other, apiKey.id, "--reason", "x", "--yes")
      assert.deepStrictEqual([foreign.code, foreign.err], [1, `There is no such API key: ${apiKey.id}.`])
      for (const wrong of [
        ["--from", "10.0.0.0/33"],
        ["--days", "0"],
        ["--scope", "users:administer"]
      ]) {
        assert.strictEqual((yield* create(...wrong)).code, 2, wrong.join(" "))
      }
      assert.include((yield* mall("list", other)).out, "The merchant has no keys.")
    })
  )
})
