import { assert, layer } from "@effect/vitest"
import { RpcAuthorization } from "@mall/domain/identity/Authorization"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { PaymentsStorefrontRpcs } from "@mall/domain/payments/PaymentsStorefrontRpcs"
import type { RiskAnswer } from "@mall/domain/risk/RiskCheck"
import { CurrentRequest, RequestInfo } from "@mall/platform/http/RequestInfo"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import { Effect, Layer } from "effect"
import { RpcMiddleware, RpcTest } from "effect/rpc"
import { SqlClient } from "effect/sql"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { PaymentReads } from "../../src/store/PaymentReads.ts"
import { PaymentRepo } from "../../src/store/PaymentRepo.ts"
import * as PaymentRpcHandlers from "../../src/PaymentRpcHandlers.ts"
import { RiskScript } from "../RiskAllows.ts"
import { aBuyer, aPayment, Peer, TestPayments, wechatpay } from "../TestPayments.ts"

const asRpcUser = (principal: Principal) => ({
  headers: { authorization: `Bearer ${TestAuthorization.tokenOf(principal)}` }
})

const Surface = PaymentRpcHandlers.storefrontLayer.pipe(
  Layer.provideMerge(TestAuthorization.layer),
  Layer.provideMerge(RpcMiddleware.layerClient(RpcAuthorization, ({ next, request }) => next(request))),
  Layer.provideMerge(TestPayments)
)

const answer = (verdict: RiskAnswer["verdict"], needs: RiskAnswer["needs"] = null): RiskAnswer => ({
  verdict,
  needs,
  note: `risk: ${verdict}, check 1`
})

/** What was asked about this payment. */
const asked = Effect.fnUntraced(function* (id: PaymentId) {
  const { questions } = yield* RiskScript
  return questions.filter(({ paymentId }) => paymentId === id)
})

const attemptsOf = Effect.fnUntraced(function* (id: PaymentId) {
  const record = yield* (yield* PaymentRepo).read(id)
  return record._tag === "Some" ? record.value.attempts : []
})

layer(Surface, { excludeTestServices: true, timeout: "60 seconds" })(
  "A confirmation that risk is asked about",
  (it) => {
    it.effect("is answered with a typed problem that tells no rule, and reaches no channel", () =>
      Effect.gen(function* () {
        const shop = yield* RpcTest.makeClient(PaymentsStorefrontRpcs)
        const reads = yield* PaymentReads
        const script = yield* RiskScript
        const buyer = yield* aBuyer
        const cases = [
          ["PaymentRefused", answer("deny")],
          ["PaymentChallenged", answer("challenge", "sign_in")],
          ["PaymentInReview", answer("review")],
          ["PaymentUnchecked", answer("unavailable")]
        ] as const
        for (const [code, said] of cases) {
          const { id } = yield* aPayment(buyer)
          script.answers.set(id, [said])
          const error = yield* Effect.flip(shop["payments.confirm"]({ id, channel: wechatpay }, asRpcUser(buyer)))
          assert.strictEqual(error._tag, code)
          assert.notInclude(JSON.stringify(error), "check 1")
          assert.deepStrictEqual(yield* attemptsOf(id), [])
          const last = (yield* reads.history(id)).at(-1)
          assert.deepInclude(last, {
            ...{ actor: `user:${buyer.userId}`, reason: said.note },
            ...{ fromStatus: "pending", toStatus: "pending" }
          })
          // what was refused once may be let pass later
          const step = yield* shop["payments.confirm"]({ id }, asRpcUser(buyer))
          assert.strictEqual(step.attempt.status, "processing")
        }
      })
    )

    it.effect("asks once for each try, and keeps the answer with it", () =>
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const reads = yield* PaymentReads
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        yield* confirmations.confirm(id, { channel: wechatpay }, buyer)
        yield* confirmations.confirm(id, { channel: wechatpay }, buyer)
        yield* confirmations.confirm(id, {}, buyer)
        assert.strictEqual((yield* asked(id)).length, 1)
        const made = (yield* reads.history(id)).find(({ subject }) => subject === "attempt")
        assert.include(made?.reason, "risk: allow")
        yield* confirmations.resume(id, buyer)
        assert.deepStrictEqual(
          (yield* asked(id)).map(({ facts }) => facts.attempts),
          [0, 1]
        )
      })
    )

    it.effect("asks again where the try that was open ends meanwhile and another one takes its place", () =>
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const peer = yield* Peer
        const sql = yield* SqlClient.SqlClient
        const script = yield* RiskScript
        const buyer = yield* aBuyer
        for (const choice of [{ channel: wechatpay }, {}]) {
          const { id } = yield* aPayment(buyer)
          yield* peer.fault("create", { kind: "drop", when: "before" })
          yield* confirmations.confirm(id, { channel: wechatpay }, buyer)
          // so long ago that its absence at the channel says that it never came there
          yield* sql`
            UPDATE payments.attempts SET updated_at = updated_at - interval '5 minutes' WHERE payment_id = ${id}`
          script.answers.set(id, [answer("deny")])
          const error = yield* Effect.flip(confirmations.confirm(id, choice, buyer))
          assert.strictEqual(error._tag, "PaymentRefused")
          assert.deepStrictEqual(
            (yield* attemptsOf(id)).map(({ status }) => status),
            ["failed"]
          )
          assert.strictEqual((yield* confirmations.confirm(id, choice, buyer)).attempt.status, "processing")
          assert.strictEqual((yield* asked(id)).length, 3)
        }
      })
    )

    it.effect("tells what is known of the buyer, and nothing of an address that says nothing", () =>
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const buyer = yield* aBuyer
        const from = (ip: string, limitKey: string) => new RequestInfo("request", "trace", ip, limitKey)
        const { id } = yield* aPayment(buyer)
        const choice = { channel: wechatpay, country: "CN", device: "phone-1", card: "fp-1" }
        yield* confirmations
          .confirm(id, choice, buyer)
          .pipe(Effect.provideService(CurrentRequest, from("2001:db8::7", "2001:db8:0:0::/64")))
        const [{ facts } = { facts: undefined }] = yield* asked(id)
        assert.deepInclude(facts, { network: "2001:db8:0:0::/64", country: "CN", device: "phone-1", card: "fp-1" })
        assert.deepInclude(facts, { user: buyer.userId, isGuest: false, ipCountry: null, attempts: 0 })
        for (const ip of ["10.1.2.3", "127.0.0.1", "::1", "fe80::1"]) {
          const other = yield* aPayment(buyer)
          yield* confirmations
            .confirm(other.id, { channel: wechatpay }, { ticketOf: other.id })
            .pipe(Effect.provideService(CurrentRequest, from(ip, ip)))
          const [question] = yield* asked(other.id)
          assert.deepInclude(question?.facts, { network: null, isGuest: true }, ip)
        }
      })
    )

    it.effect("asks nothing where no try would be made", () =>
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const [buyer, stranger] = [yield* aBuyer, yield* aBuyer]
        const { id } = yield* aPayment(buyer)
        yield* Effect.flip(confirmations.confirm(id, { channel: wechatpay }, stranger))
        yield* Effect.flip(confirmations.confirm(id, { channel: wechatpay, method: "none" }, buyer))
        assert.deepStrictEqual(yield* asked(id), [])
      })
    )

    it.effect("tells risk what the channel declined", () =>
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const peer = yield* Peer
        const script = yield* RiskScript
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        yield* peer.fault("create", { kind: "answer", with: "error", when: "before", status: 403, code: "RULE_LIMIT" })
        yield* Effect.flip(confirmations.confirm(id, { channel: wechatpay }, buyer))
        yield* peer.reset
        assert.deepStrictEqual(
          script.declined.filter((declined) => declined === id),
          [id]
        )
      })
    )
  }
)
