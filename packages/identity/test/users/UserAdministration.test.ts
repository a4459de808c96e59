import { assert, layer } from "@effect/vitest"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect, Exit, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { Accounts } from "../../src/users/Accounts.ts"
import { IdentityLayer } from "../../src/Identity.ts"
import { Sessions } from "../../src/tokens/Sessions.ts"
import { UserAdministration } from "../../src/users/UserAdministration.ts"
import { email, login, newUserId, origin, principalOf, registerUser, verify, withConfiguration } from "../fixture.ts"

const act = (reason: string) => ({ actorId: null, reason })
const shop = MerchantId.make("01980000-0000-7000-8000-0000000000aa")
const otherShop = MerchantId.make("01980000-0000-7000-8000-0000000000bb")

layer(withConfiguration(IdentityLayer).pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })(
  "UserAdministration",
  (it) => {
    it.effect("a ban ends sessions and access at once, and is undone by an unban", () =>
      Effect.gen(function* () {
        const administration = yield* UserAdministration
        const sessions = yield* Sessions
        const admin = yield* newUserId
        const user = yield* registerUser
        const pair = yield* login(user)
        const banned = yield* administration.ban(user.id, { actorId: admin, reason: "chargebacks" })
        assert.strictEqual(banned.banReason, "chargebacks")
        assert.strictEqual((yield* Effect.flip(verify(pair.accessToken)))._tag, "Unauthorized")
        const refresh = sessions.refresh(Redacted.make(pair.refreshToken), origin)
        assert.strictEqual((yield* Effect.flip(refresh))._tag, "RefreshTokenInvalid")
        yield* administration.ban(user.id, act("again"))
        const unbanned = yield* administration.unban(user.id, act("sorry"))
        assert.isNull(unbanned.bannedAt)
        yield* verify((yield* login(user)).accessToken)
        const { data } = yield* administration.history(user.id, {})
        assert.deepStrictEqual(
          data.map(({ type, actorId, reason }) => ({ type, actorId, reason })),
          [
            { type: "unbanned", actorId: null, reason: "sorry" },
            { type: "banned", actorId: admin, reason: "chargebacks" },
            { type: "registered", actorId: null, reason: "" }
          ]
        )
      })
    )

    it.effect("keeps one administrator, whoever tries to remove the last two at the same time", () =>
      Effect.gen(function* () {
        const administration = yield* UserAdministration
        const accounts = yield* Accounts
        const sql = yield* SqlClient.SqlClient
        // those of the other tests
        yield* sql`UPDATE identity.users SET roles = ARRAY['customer'] WHERE roles = ARRAY['customer', 'admin']`
        const [first, second] = [yield* registerUser, yield* registerUser]
        for (const { id } of [first, second]) yield* administration.grant(id, "admin", null, act("runs the shop"))
        const exits = yield* Effect.all(
          [
            Effect.exit(administration.ban(first.id, act("coup"))),
            Effect.exit(administration.revoke(second.id, "admin", act("coup")))
          ],
          { concurrency: "unbounded" }
        )
        assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
        const left = Exit.isSuccess(exits[0]) ? second : first
        const owner = yield* principalOf(yield* login(left))
        const refusals = [
          yield* Effect.flip(administration.ban(left.id, act(""))),
          yield* Effect.flip(administration.revoke(left.id, "admin", act(""))),
          yield* Effect.flip(accounts.delete(owner))
        ]
        for (const { _tag } of refusals) assert.strictEqual(_tag, "LastAdministrator")
        assert.include((yield* administration.show(left.id)).roles, "admin")
      })
    )

    it.effect("grants and revokes roles; new tokens carry them, old ones end", () =>
      Effect.gen(function* () {
        const administration = yield* UserAdministration
        const user = yield* registerUser
        const before = yield* login(user)
        const granted = yield* administration.grant(user.id, "merchant", shop, act("opens a shop"))
        assert.deepStrictEqual([granted.roles, granted.merchantId], [["customer", "merchant"], shop])
        assert.strictEqual((yield* Effect.flip(verify(before.accessToken)))._tag, "Unauthorized")
        const { principal, permissions } = yield* verify((yield* login(user)).accessToken)
        assert.strictEqual(Option.getOrUndefined(principal.merchantId), shop)
        assert.isTrue(permissions.has("orders:fulfil"))
        const revoked = yield* administration.revoke(user.id, "merchant", act("closes it"))
        assert.deepStrictEqual([revoked.roles, revoked.merchantId], [["customer"], null])
      })
    )

    it.effect("finds an account by its whole email, in the form that is stored", () =>
      Effect.gen(function* () {
        const administration = yield* UserAdministration
        const user = yield* registerUser
        const found = yield* administration.findByEmail(email(` ${user.email.toUpperCase()} `))
        assert.deepStrictEqual(
          Option.map(found, ({ id }) => id),
          Option.some(user.id)
        )
        assert.isTrue(Option.isNone(yield* administration.findByEmail(email(user.email.slice(1)))))
      })
    )

    it.effect("refuses roles that make no sense, and changes nothing twice", () =>
      Effect.gen(function* () {
        const administration = yield* UserAdministration
        const user = yield* registerUser
        const refusals = [
          administration.grant(user.id, "customer", null, act("")),
          administration.revoke(user.id, "customer", act("")),
          administration.grant(user.id, "merchant", null, act("")),
          administration.grant(user.id, "admin", shop, act(""))
        ]
        for (const refusal of refusals) assert.strictEqual((yield* Effect.flip(refusal))._tag, "RoleNotGrantable")
        yield* administration.grant(user.id, "merchant", shop, act(""))
        const { accessToken } = yield* login(user)
        yield* administration.grant(user.id, "merchant", shop, act(""))
        yield* administration.revoke(user.id, "admin", act(""))
        yield* verify(accessToken)
        const second = administration.grant(user.id, "merchant", otherShop, act(""))
        assert.strictEqual((yield* Effect.flip(second))._tag, "RoleNotGrantable")
        assert.strictEqual((yield* administration.history(user.id, {})).data.length, 2)
      })
    )

    it.effect("of many concurrent grants each is applied and recorded once", () =>
      Effect.gen(function* () {
        const administration = yield* UserAdministration
        const user = yield* registerUser
        yield* Effect.all(
          Array.from({ length: 6 }, (_, i) =>
            i % 2 === 0
              ? administration.grant(user.id, "admin", null, act(""))
              : administration.grant(user.id, "merchant", shop, act(""))
          ),
          { concurrency: "unbounded" }
        )
        const after = yield* administration.show(user.id)
        assert.deepStrictEqual(after.roles.toSorted(), ["admin", "customer", "merchant"])
        assert.strictEqual((yield* administration.history(user.id, {})).data.length, 3)
      })
    )

    it.effect("a ban and a login at the same moment leave no session behind", () =>
      Effect.gen(function* () {
        const administration = yield* UserAdministration
        for (let round = 0; round < 5; round++) {
          const user = yield* registerUser
          const [entered] = yield* Effect.all([Effect.exit(login(user)), administration.ban(user.id, act("race"))], {
            concurrency: 2
          })
          if (Exit.isSuccess(entered)) {
            const error = yield* Effect.flip(verify(entered.value.accessToken))
            assert.strictEqual(error._tag, "Unauthorized")
          }
        }
      })
    )

    it.effect("lists newest first with filters, page by page", () =>
      Effect.gen(function* () {
        const administration = yield* UserAdministration
        const users = []
        for (let i = 0; i < 3; i++) users.unshift(yield* registerUser)
        const [third, second, first] = users
        const one = yield* administration.list({ limit: 2 })
        const two = yield* administration.list({ limit: 2, after: one.nextCursor ?? "" })
        assert.deepStrictEqual(
          one.data.map(({ id }) => id),
          [third?.id, second?.id]
        )
        assert.strictEqual(two.data[0]?.id, first?.id)
        const found = yield* administration.list({ email: email(` ${first?.email.toUpperCase()}`) })
        assert.deepStrictEqual(
          found.data.map(({ id }) => id),
          [first?.id]
        )
        const part = email(first?.email.replace("user", "") ?? "")
        assert.deepStrictEqual((yield* administration.list({ email: part })).data, [])
        yield* administration.ban(second?.id ?? assert.fail(), act("spam"))
        const banned = yield* administration.list({ banned: true })
        assert.include(
          banned.data.map(({ id }) => id),
          second?.id
        )
        assert.isTrue(banned.data.every(({ bannedAt }) => bannedAt !== null))
        const staff = yield* administration.list({ role: "merchant", banned: false })
        assert.isTrue(staff.data.every(({ roles }) => roles.includes("merchant")))
      })
    )

    it.effect("knows no user that is not there", () =>
      Effect.gen(function* () {
        const administration = yield* UserAdministration
        const id = yield* newUserId
        const attempts = [
          Effect.flip(administration.show(id)),
          Effect.flip(administration.ban(id, act(""))),
          Effect.flip(administration.unban(id, act(""))),
          Effect.flip(administration.logout(id, act(""))),
          Effect.flip(administration.grant(id, "admin", null, act("")))
        ]
        for (const attempt of attempts) assert.strictEqual((yield* attempt)._tag, "UserNotFound")
        const user = yield* registerUser
        yield* principalOf(yield* login(user))
      })
    )
  }
)
