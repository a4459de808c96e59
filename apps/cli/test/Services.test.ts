import { assert, layer } from "@effect/vitest"
import { IssuedServiceToken, ServiceToken } from "@mall/domain/identity/ServiceToken"
import { Page } from "@mall/domain/kernel/Page"
import { Effect } from "effect"
import { CommandLine, decode } from "./CommandLine.ts"

const mall = (...args: ReadonlyArray<string>) => CommandLine.use((line) => line.mall(...args))
const issue = (...more: ReadonlyArray<string>) => mall("services", "issue", "mall", ...more)

layer(CommandLine.layer, { excludeTestServices: true, timeout: "60 seconds" })("mall services", (it) => {
  it.effect(
    "makes a token, shows it once, rotates it with an overlap and revokes it; the audit trail says who and why",
    () =>
      Effect.gen(function* () {
        yield* mall("migrate")
        assert.include((yield* mall("services", "list")).out, "There are no service tokens.")
        const made = yield* issue("payments", "--days", "30", "--reason", "set-up", "--json")
        const { serviceToken, token } = yield* decode(IssuedServiceToken, made)
        assert.match(token, /^mst_[A-Za-z0-9_-]{43}$/)
        assert.deepInclude(serviceToken, { status: "active", createdBy: "operator:olga", revokedAt: null })
        const listed = yield* mall("services", "list")
        assert.include(listed.out, serviceToken.id)
        assert.notInclude(listed.out, token)

        const rotate = ["payments", "--overlap", "0", "--reason", "rotation"]
        assert.strictEqual((yield* issue(...rotate)).code, 2)
        const rotated = yield* issue(...rotate, "--yes")
        assert.include(rotated.out, "It is shown this once.")

        const { data } = yield* decode(Page(ServiceToken), yield* mall("services", "list", "--json"))
        assert.deepStrictEqual(
          data.map(({ status }) => status),
          ["active", "expired"]
        )
        const revoke = ["services", "revoke", data[0]?.id ?? "", "--reason", "leaked"]
        assert.strictEqual((yield* mall(...revoke)).code, 2)
        const revoked = yield* decode(ServiceToken, yield* mall(...revoke, "--yes", "--json"))
        assert.strictEqual(revoked.status, "revoked")

        const trail = (yield* mall("audit", "show", "--json")).out
        for (const action of ["issue", "retire", "revoke"]) assert.include(trail, `"service_token.${action}"`)
        assert.include(trail, '"leaked"')
        assert.notInclude(trail, token)
      })
  )

  it.effect("tells in a sentence what is wrong", () =>
    Effect.gen(function* () {
      const missing = "019a0000-0000-7000-8000-000000000000"
      const unknown = yield* mall("services", "revoke", missing, "--reason", "x", "--yes")
      assert.strictEqual(unknown.code, 1)
      assert.include(unknown.err, "no such service token")
      for (const wrong of [["Payments"], ["payments", "--days", "0"], ["payments", "--overlap", "-1"]]) {
        assert.strictEqual((yield* issue(...wrong, "--reason", "x")).code, 2, wrong.join(" "))
      }
      yield* Effect.forEach([1, 2, 3, 4, 5], () => issue("catalog", "--reason", "x"))
      const many = yield* issue("catalog", "--reason", "x")
      assert.deepStrictEqual([many.code, /At most 5/.test(many.err)], [1, true], many.err)
    })
  )
})
