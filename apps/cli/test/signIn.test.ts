import { assert, layer } from "@effect/vitest"
import { LoginRecord } from "@mall/domain/identity/SignIn"
import { Email, Password } from "@mall/domain/identity/User"
import { Page } from "@mall/domain/kernel/Page"
import { Accounts } from "@mall/identity/users/Accounts"
import { LoginRecords } from "@mall/identity/signin/LoginRecords"
import { Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { CommandLine, decode } from "./CommandLine.ts"

const buyer = { email: Email.make("buyer@mall.test"), name: "Bo", role: "customer", merchantId: null } as const

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "60 seconds" })("mall users", (it) => {
  it.effect("lists logins, and takes an authenticator from who lost it", () =>
    Effect.gen(function* () {
      const { mall } = yield* CommandLine
      const sql = yield* SqlClient.SqlClient
      const records = yield* LoginRecords
      const accounts = yield* Accounts
      const { id } = yield* accounts.ensure({
        ...buyer,
        password: Password.make(Redacted.make("purple-otter-sails-north"))
      })
      assert.include((yield* mall("users", "logins", id)).out, "Nobody signed in")
      const origin = { ip: "8.8.8.8", userAgent: "a browser" }
      yield* records.record({ userId: id, origin, country: "US", deviceId: "phone" }, "wrong_password")
      yield* records.record({ userId: id, origin, country: "US", deviceId: "phone" }, "succeeded")
      const shown = (yield* mall("users", "logins", "buyer@mall.test")).out
      for (const text of ["wrong_password", "succeeded", "8.8.8.8", "US", "phone", "a browser"]) {
        assert.include(shown, text)
      }
      const page = yield* decode(Page(LoginRecord), yield* mall("users", "logins", id, "--limit", "1", "--json"))
      assert.deepStrictEqual([page.data.length, page.data[0]?.outcome], [1, "succeeded"])

      const without = yield* mall("users", "reset-mfa", id, "--reason", "lost", "--yes")
      assert.strictEqual(without.code, 1)
      yield* sql`
        INSERT INTO identity.totp_credentials (user_id, sealed_secret, last_step, created_at, confirmed_at)
        VALUES (${id}, ${new Uint8Array([1])}, 0, now(), now())
      `
      assert.strictEqual((yield* mall("users", "reset-mfa", id, "--reason", "lost")).code, 2)
      const reset = yield* mall("users", "reset-mfa", id, "--reason", "passport seen", "--yes")
      assert.strictEqual(reset.code, 0)
      assert.include((yield* mall("users", "show", id)).out, "passport seen (operator olga)")
    })
  )
})
