import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, layer } from "@effect/vitest"
import { AddressesApiGroup } from "@mall/domain/identity/AddressesApi"
import { AuthApiGroup, JwksApiGroup } from "@mall/domain/identity/AuthApi"
import { Authorization, RpcAuthorization } from "@mall/domain/identity/Authorization"
import { IdentityAdminRpcs, IdentityStorefrontRpcs } from "@mall/domain/identity/IdentityRpcs"
import { AccountApiGroup, UsersApiGroup } from "@mall/domain/identity/UsersApi"
import { Problems } from "@mall/domain/kernel/Problems"
import * as Edge from "@mall/platform/http/Edge"
import { Idempotency } from "@mall/platform/Idempotency"
import { IdempotentLayer } from "@mall/platform/IdempotentLayer"
import { ProblemsLayer } from "@mall/platform/ProblemsLayer"
import { DateTime, Effect, Layer, Redacted } from "effect"
import { Headers, HttpClient, HttpClientRequest, HttpRouter } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { RpcMiddleware, RpcTest } from "effect/rpc"
import { Secret, TOTP } from "otpauth"
import { IdentityHttp, IdentityRpc } from "../../src/Identity.ts"
import { EmailCodes } from "../../src/signin/EmailCodes.ts"
import { Logins } from "../../src/signin/Logins.ts"
import { SecondFactors } from "../../src/signin/SecondFactors.ts"
import { StepUps } from "../../src/signin/StepUps.ts"
import { UserAdministration } from "../../src/users/UserAdministration.ts"
import { login, origin, otherPassword, principalOf, registerUser, strongPassword, wrongPassword } from "../fixture.ts"
import { codeTo, signInLayer } from "../Inbox.ts"
import { ShiftedClock } from "../ShiftedClock.ts"

class IdentityApi extends HttpApi.make("mall")
  .add(UsersApiGroup, AccountApiGroup, AddressesApiGroup, AuthApiGroup, JwksApiGroup)
  .middleware(Problems) {}

const Server = Layer.merge(
  HttpRouter.serve(
    HttpApiBuilder.layer(IdentityApi).pipe(
      Layer.provide(IdentityHttp),
      Layer.provide([IdempotentLayer, ProblemsLayer])
    ),
    { disableLogger: true, disableListenLog: true }
  ),
  IdentityRpc
).pipe(
  Layer.provideMerge(NodeHttpServer.layerTest),
  Layer.provide([Idempotency.layer, Edge.layer]),
  Layer.provideMerge(signInLayer())
)

interface Pair {
  readonly accessToken: string
}

const httpOf = ({ accessToken }: Pair) =>
  HttpApiClient.make(IdentityApi).pipe(
    Effect.provide(
      HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
        next(HttpClientRequest.bearerToken(request, accessToken))
      ),
      { local: true }
    )
  )

const rpcOf = ({ accessToken }: Pair) =>
  RpcTest.makeClient(IdentityStorefrontRpcs.merge(IdentityAdminRpcs)).pipe(
    Effect.provide(
      RpcMiddleware.layerClient(RpcAuthorization, ({ next, request }) =>
        next({ ...request, headers: Headers.set(request.headers, "authorization", `Bearer ${accessToken}`) })
      ),
      { local: true }
    )
  )

const shown = (secret: string) =>
  Effect.map(DateTime.now, (now) =>
    Redacted.make(new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: DateTime.toEpochMillis(now) }))
  )

/** Longer than a proof holds, shorter than an access token. */
const whileLater = Effect.flatMap(ShiftedClock, (clock) => clock.advance("11 minutes"))

layer(Server, { excludeTestServices: true })("a step-up", (it) => {
  it.effect("is a login's for ten minutes, and is then asked for before the password may change", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const me = yield* httpOf(yield* login(user))
      const change = me.account.changePassword({
        payload: { currentPassword: strongPassword, newPassword: otherPassword }
      })
      yield* whileLater
      const refused = yield* Effect.flip(change)
      assert(refused._tag === "StepUpRequired")
      assert.strictEqual(refused.needs, "password")
      const wrong = me.auth.stepUp({ payload: { password: wrongPassword } })
      assert.strictEqual((yield* Effect.flip(wrong))._tag, "InvalidCredentials")
      assert.strictEqual((yield* Effect.flip(change))._tag, "StepUpRequired")
      yield* me.auth.stepUp({ payload: { password: strongPassword } })
      yield* change
    })
  )

  it.effect("needs the second factor where there is one, once each, over HTTP and RPC", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const pair = yield* login(user)
      const me = yield* httpOf(pair)
      const { secret } = yield* me.account.startTotp()
      const { recoveryCodes } = yield* me.account.confirmTotp({ payload: { totp: yield* shown(secret) } })
      const first = yield* Effect.flip(me.account.removeTotp())
      assert(first._tag === "StepUpRequired")
      assert.strictEqual(first.needs, "mfa")
      const bare = me.auth.stepUp({ payload: { password: strongPassword } })
      assert.strictEqual((yield* Effect.flip(bare))._tag, "MfaRequired")
      yield* Effect.flatMap(ShiftedClock, (clock) => clock.advance("30 seconds"))
      const totp = yield* shown(secret)
      yield* me.auth.stepUp({ payload: { password: strongPassword, totp } })
      const replayed = me.auth.stepUp({ payload: { password: strongPassword, totp } })
      assert.strictEqual((yield* Effect.flip(replayed))._tag, "CodeInvalid")
      const renewed = yield* me.account.renewRecoveryCodes()
      assert.notDeepEqual(renewed.recoveryCodes, recoveryCodes)

      yield* whileLater
      const rpc = yield* rpcOf(pair)
      assert.strictEqual((yield* Effect.flip(rpc["account.renewRecoveryCodes"]()))._tag, "StepUpRequired")
      const recoveryCode = Redacted.make(renewed.recoveryCodes[0] ?? "")
      yield* rpc["account.stepUp"]({ password: strongPassword, recoveryCode })
      yield* rpc["account.removeTotp"]()
      const again = yield* rpc["account.startTotp"]()
      yield* rpc["account.confirmTotp"]({ totp: yield* shown(again.secret) })
      assert.isAbove((yield* rpc["account.logins"]({})).data.length, 0)
      assert.isAbove((yield* me.account.listLogins({ query: {} })).data.length, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("is one session's: another of the same user has none", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const [one, other] = [yield* login(user), yield* login(user)]
      yield* whileLater
      const [mine, elsewhere] = [yield* httpOf(one), yield* httpOf(other)]
      yield* mine.auth.stepUp({ payload: { password: strongPassword } })
      assert.strictEqual((yield* Effect.flip(elsewhere.account.startTotp()))._tag, "StepUpRequired")
      yield* mine.account.startTotp()
    })
  )

  it.effect("is needed to change roles, and comes after the permission", () =>
    Effect.gen(function* () {
      const administration = yield* UserAdministration
      const boss = yield* registerUser
      const user = yield* registerUser
      yield* administration.grant(boss.id, "admin", null, { actorId: null, reason: "first" })
      const admin = yield* rpcOf(yield* login(boss))
      const stranger = yield* rpcOf(yield* login(user))
      yield* whileLater
      const change = { userId: user.id, role: "admin", reason: "helps" } as const
      const grant = yield* Effect.flip(admin["users.grant"]({ ...change, merchantId: null }))
      const revoke = yield* Effect.flip(admin["users.revoke"](change))
      const reset = yield* Effect.flip(admin["users.resetMfa"]({ userId: user.id, reason: "lost" }))
      for (const { _tag } of [grant, revoke, reset]) assert.strictEqual(_tag, "StepUpRequired")
      const foreign = stranger["users.grant"]({ ...change, merchantId: null })
      assert.strictEqual((yield* Effect.flip(foreign))._tag, "Forbidden")
      yield* admin["account.stepUp"]({ password: strongPassword })
      yield* admin["users.grant"]({ ...change, merchantId: null })
      assert.strictEqual((yield* admin["users.logins"]({ userId: user.id })).data[0]?.outcome, "succeeded")
      const nothing = admin["users.resetMfa"]({ userId: user.id, reason: "lost" })
      assert.strictEqual((yield* Effect.flip(nothing))._tag, "MfaNotEnabled")
    }).pipe(Effect.scoped)
  )
})

layer(
  HttpRouter.serve(
    HttpApiBuilder.layer(IdentityApi).pipe(
      Layer.provide(IdentityHttp),
      Layer.provide([IdempotentLayer, ProblemsLayer])
    ),
    { disableLogger: true, disableListenLog: true }
  ).pipe(
    Layer.provideMerge(Layer.merge(NodeHttpServer.layerTest, IdentityRpc)),
    Layer.provide([Idempotency.layer, Edge.layer]),
    Layer.provideMerge(signInLayer({ STEP_UP_WITHOUT_MFA: "refuse", EMAIL_CODES: "new-device" }))
  ),
  { excludeTestServices: true }
)("where it is strict", (it) => {
  const send = Effect.fnUntraced(function* (path: string, body: unknown) {
    const response = yield* HttpClient.execute(HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(path), body))
    const { "content-length": _length, date: _date, ...headers } = response.headers
    const text = (yield* response.text).replace(/"traceId":"[^"]*"/, "")
    const own = new Set(["x-request-id", "x-trace-id", "traceparent"])
    return {
      status: response.status,
      headers: Object.entries(headers).filter(([name]) => !own.has(name)),
      text
    }
  })

  it.effect("nothing that a guest can ask tells an account from none", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const ghost = "ghost.http@mall.test"
      const bodies = (email: string) =>
        [
          ["/api/v1/auth/codes", { email, purpose: "login", deviceId: "d" }],
          ["/api/v1/auth/codes", { email, purpose: "register" }],
          ["/api/v1/auth/codes", { email, purpose: "reset" }],
          ["/api/v1/auth/login", { email, password: "not the password at all" }],
          ["/api/v1/auth/login", { email, password: "not the password at all", totp: "123456", code: "123456" }],
          ["/api/v1/auth/password-reset", { email, code: "123456", password: Redacted.value(otherPassword) }],
          ["/api/v1/users", { email, password: Redacted.value(strongPassword) }],
          ["/api/v1/users", { email, password: Redacted.value(strongPassword), code: "123456" }]
        ] as const
      const answers = (email: string) => Effect.forEach(bodies(email), ([path, body]) => send(path, body))
      const known = yield* answers(user.email)
      assert.deepStrictEqual(yield* answers(ghost), known)
      assert.deepStrictEqual(
        known.map(({ status }) => status),
        [202, 202, 202, 401, 401, 401, 401, 401]
      )
    })
  )

  it.effect("what is dangerous for others is only for who has a second factor", () =>
    Effect.gen(function* () {
      const stepUps = yield* StepUps
      const factors = yield* SecondFactors
      const codes = yield* EmailCodes
      const logins = yield* Logins
      const user = yield* registerUser
      const who = { email: user.email, deviceId: "the-device-of-the-boss" }
      yield* codes.request({ ...who, purpose: "login" })
      const code = Redacted.make(yield* codeTo(user.email))
      const pair = yield* logins.login({ ...who, password: strongPassword, code }, origin)
      const principal = yield* principalOf(pair)
      yield* stepUps.check(principal, "recent")
      assert.strictEqual((yield* Effect.flip(stepUps.check(principal, "strong"))).needs, "mfa_enrolment")
      const { secret } = yield* factors.start(principal)
      yield* factors.confirm(principal, yield* shown(secret))
      assert.strictEqual((yield* Effect.flip(stepUps.check(principal, "strong"))).needs, "mfa")
      yield* Effect.flatMap(ShiftedClock, (clock) => clock.advance("30 seconds"))
      yield* stepUps.prove(principal, { password: strongPassword, totp: yield* shown(secret) })
      yield* stepUps.check(principal, "strong")
    })
  )
})
