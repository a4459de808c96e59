import { assert, layer } from "@effect/vitest"
import { RpcAuthorization } from "@mall/domain/identity/Authorization"
import { IdentityAdminRpcs, IdentityStorefrontRpcs } from "@mall/domain/identity/IdentityRpcs"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect, Layer } from "effect"
import { Headers } from "effect/http"
import { RpcMiddleware, RpcTest } from "effect/rpc"
import { IdentityLayer, IdentityRpc } from "../src/Identity.ts"
import { UserAdministration } from "../src/users/UserAdministration.ts"
import {
  address,
  login,
  newAddressId,
  newUserId,
  otherPassword,
  registerUser,
  strongPassword,
  verify,
  withConfiguration
} from "./fixture.ts"

const Rpcs = IdentityStorefrontRpcs.merge(IdentityAdminRpcs)

const clientWith = (authorization: string | undefined) =>
  RpcTest.makeClient(Rpcs).pipe(
    Effect.provide(
      RpcMiddleware.layerClient(RpcAuthorization, ({ next, request }) =>
        next(
          authorization === undefined
            ? request
            : { ...request, headers: Headers.set(request.headers, "authorization", authorization) }
        )
      ),
      { local: true }
    )
  )
const clientOf = (pair: { readonly accessToken: string }) => clientWith(`Bearer ${pair.accessToken}`)

layer(IdentityRpc.pipe(Layer.provideMerge(withConfiguration(IdentityLayer)), Layer.provideMerge(TestDatabase)), {
  excludeTestServices: true
})("identity over RPC", (it) => {
  it.effect("serves a user's own account, sessions and addresses", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const pair = yield* login(user)
      const client = yield* clientOf(pair)
      assert.strictEqual((yield* client["account.me"]()).id, user.id)
      assert.strictEqual((yield* client["account.update"]({ name: "New" })).name, "New")
      const id = yield* newAddressId
      const created = yield* client["addresses.create"]({ id, address })
      assert.deepStrictEqual(yield* client["addresses.create"]({ id, address }), created)
      yield* client["addresses.replace"]({ id, address: { ...address, city: "Suzhou" } })
      assert.strictEqual((yield* client["addresses.list"]({})).data[0]?.city, "Suzhou")
      yield* client["addresses.delete"]({ id })
      yield* client["account.changePassword"]({ currentPassword: strongPassword, newPassword: otherPassword })
      const [session] = (yield* client["sessions.list"]({ limit: 1 })).data
      assert.isTrue(session?.current)
      const missing = client["sessions.revoke"]({ sessionId: session?.id ?? assert.fail() })
      yield* missing
      assert.strictEqual((yield* Effect.flip(client["account.me"]()))._tag, "Unauthorized")
    }).pipe(Effect.scoped)
  )

  it.effect("logs out and deletes", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const pair = yield* login(user)
      const client = yield* clientOf(pair)
      yield* client["account.logout"]()
      assert.strictEqual((yield* Effect.flip(verify(pair.accessToken)))._tag, "Unauthorized")
      const again = yield* clientOf(yield* login(user))
      yield* again["account.delete"]()
      assert.strictEqual((yield* Effect.flip(login(user)))._tag, "InvalidCredentials")
    }).pipe(Effect.scoped)
  )

  it.effect("lets administrators manage accounts, and records who did what and why", () =>
    Effect.gen(function* () {
      const administration = yield* UserAdministration
      const boss = yield* registerUser
      yield* administration.grant(boss.id, "admin", null, { actorId: null, reason: "first" })
      const admin = yield* clientOf(yield* login(boss))
      const user = yield* registerUser
      const userId = user.id
      assert.strictEqual((yield* admin["users.show"]({ userId })).email, "u***@mall.test")
      const unmasked = yield* admin["users.unmask"]({ userId, reason: "asked to" })
      assert.strictEqual(unmasked.email, user.email)
      assert.strictEqual((yield* admin["users.list"]({ email: user.email })).data[0]?.id, userId)
      yield* admin["users.ban"]({ userId, reason: "spam" })
      yield* admin["users.unban"]({ userId, reason: "mistake" })
      yield* admin["users.grant"]({ userId, role: "admin", merchantId: null, reason: "helps" })
      yield* admin["users.revoke"]({ userId, role: "admin", reason: "done" })
      yield* admin["users.logout"]({ userId, reason: "lost phone" })
      const history = yield* admin["users.history"]({ userId, limit: 5 })
      assert.deepStrictEqual(
        history.data.map(({ type, actorId, reason }) => [type, actorId, reason]),
        [
          ["logged_out_everywhere", boss.id, "lost phone"],
          ["role_revoked", boss.id, "done"],
          ["role_granted", boss.id, "helps"],
          ["unbanned", boss.id, "mistake"],
          ["banned", boss.id, "spam"]
        ]
      )
      const nobody = admin["users.show"]({ userId: yield* newUserId })
      assert.strictEqual((yield* Effect.flip(nobody))._tag, "UserNotFound")
    }).pipe(Effect.scoped)
  )

  it.effect("keeps out who has no token, a bad one, or not the permission", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const pair = yield* login(user)
      for (const authorization of [undefined, "", "Bearer", pair.accessToken, `Bearer ${pair.accessToken}x`]) {
        const client = yield* clientWith(authorization)
        assert.strictEqual((yield* Effect.flip(client["account.me"]()))._tag, "Unauthorized")
        assert.strictEqual((yield* Effect.flip(client["users.list"]({})))._tag, "Unauthorized")
      }
      const client = yield* clientOf(pair)
      const forbidden = yield* Effect.flip(client["users.ban"]({ userId: user.id, reason: "" }))
      assert(forbidden._tag === "Forbidden")
      assert.strictEqual(forbidden.permission, "users:administer")
    }).pipe(Effect.scoped)
  )
})
