import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { RpcAuthorization } from "@mall/domain/identity/Authorization"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { Problems } from "@mall/domain/kernel/Problems"
import type { DisputeDetails } from "@mall/domain/payments/Dispute"
import { DisputesAdminRpcs, DisputesMerchantRpcs } from "@mall/domain/payments/DisputeRpcs"
import { DisputesApiGroup } from "@mall/domain/payments/DisputesApi"
import { RateLimits } from "@mall/platform/http/RateLimits"
import { Idempotency } from "@mall/platform/Idempotency"
import { IdempotentLayer } from "@mall/platform/IdempotentLayer"
import { ProblemsLayer } from "@mall/platform/ProblemsLayer"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { HttpClient, HttpClientRequest, HttpRouter, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiClient } from "effect/http-api"
import { RpcMiddleware, RpcTest } from "effect/rpc"
import { createServer } from "node:http"
import * as PaymentHttp from "../../src/PaymentHttp.ts"
import * as PaymentRpcHandlers from "../../src/PaymentRpcHandlers.ts"
import { aBuyer, aMerchant, anAdmin, newOperationId } from "../TestPayments.ts"
import { anOpenDispute, awaitDispute, decide, heard, png, statuses, Stripe } from "./disputeSteps.ts"
import { DisputeId } from "@mall/domain/payments/Dispute"

/** The part of the mall's API that is about disputes. */
class DisputesApi extends HttpApi.make("mall").add(DisputesApiGroup).middleware(Problems) {}

/** Where the surface under test listens. */
class Surface extends Context.Service<Surface, { readonly url: string }>()("@mall/payments/test/DisputesSurface") {
  static readonly layer = Layer.effect(
    Surface,
    Effect.map(HttpServer.HttpServer, ({ address }) => ({ url: HttpServer.formatAddress(address) }))
  ).pipe(
    Layer.merge(
      HttpRouter.serve(
        HttpApiBuilder.layer(DisputesApi).pipe(
          Layer.provide(PaymentHttp.layer),
          Layer.provide([TestAuthorization.layer, IdempotentLayer, ProblemsLayer])
        ),
        { disableListenLog: true, disableLogger: true }
      )
    ),
    Layer.provide([NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })]),
    Layer.provide([Idempotency.layer, RateLimits.layer])
  )
}

const Rpcs = Layer.mergeAll(PaymentRpcHandlers.merchantLayer, PaymentRpcHandlers.adminLayer).pipe(
  Layer.provideMerge(TestAuthorization.layer),
  // each call carries its caller's token itself
  Layer.provideMerge(RpcMiddleware.layerClient(RpcAuthorization, ({ next, request }) => next(request)))
)

const TestSurface = Layer.mergeAll(Surface.layer, Rpcs).pipe(Layer.provideMerge(Stripe))

/** A typed client that calls as `principal`, and sends `key` as the Idempotency-Key of every request. */
const clientOf = Effect.fnUntraced(function* (principal: Principal, key?: string) {
  const { url } = yield* Surface
  return yield* HttpApiClient.make(DisputesApi, {
    baseUrl: url,
    transformClient: HttpClient.mapRequest((request) =>
      key === undefined ? request : HttpClientRequest.setHeader(request, "idempotency-key", key)
    )
  }).pipe(Effect.provide(TestAuthorization.clientOf(principal)))
})

const asRpcUser = (principal: Principal) => ({
  headers: { authorization: `Bearer ${TestAuthorization.tokenOf(principal)}` }
})

const newDisputeId = Effect.map(newOperationId, (id) => DisputeId.make(id))
const tea = { kind: "product_description", text: "tea" } as const
const tagOf = <A, E extends { readonly _tag: string }, R>(act: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(act), ({ _tag }) => _tag)
const kinds = ({ evidence }: DisputeDetails) => evidence.map(({ kind }) => kind)

layer(TestSurface, { excludeTestServices: true })("The HTTP surface of disputes", (it) => {
  it.effect("lets a merchant read, answer and win what is about its own payments", () =>
    Effect.gen(function* () {
      const { id, number, offer } = yield* anOpenDispute()
      const { disputes } = yield* clientOf(offer.owner)
      const listed = yield* disputes.list({ query: { status: "needs_response" } })
      assert.deepStrictEqual([listed.data.map((one) => one.id), listed.nextCursor], [[id], null])
      assert.strictEqual(yield* tagOf(disputes.submit({ params: { id } })), "EvidenceMissing")
      yield* disputes.addEvidence({ params: { id }, payload: tea })
      const added = yield* disputes.addEvidence({ params: { id }, payload: { kind: "receipt", file: png } })
      assert.deepStrictEqual(kinds(added), ["product_description", "receipt"])
      const submitted = yield* disputes.submit({ params: { id } })
      assert.isTrue(submitted.evidence.every(({ submittedAt }) => submittedAt !== null))
      yield* heard
      yield* awaitDispute(number, "under_review")
      yield* decide(number, "win")
      yield* heard
      yield* awaitDispute(number, "won")
      const read = yield* disputes.show({ params: { id } })
      assert.strictEqual(statuses(read).at(-1), "won")
      assert.isTrue(read.history.some(({ actor }) => actor === `user:${offer.owner.userId}`))
    })
  )

  it.effect("hides a dispute from other merchants, and disputes from customers", () =>
    Effect.gen(function* () {
      const { id } = yield* anOpenDispute()
      const stranger = yield* clientOf(yield* aMerchant)
      const customer = yield* clientOf(yield* aBuyer)
      const admin = yield* clientOf(yield* anAdmin)
      const params = { id }
      assert.deepStrictEqual((yield* stranger.disputes.list({ query: {} })).data, [])
      for (const [{ disputes }, expected] of [
        [stranger, "DisputeNotFound"],
        [customer, "Forbidden"]
      ] as const) {
        assert.strictEqual(yield* tagOf(disputes.show({ params })), expected)
        assert.strictEqual(yield* tagOf(disputes.addEvidence({ params, payload: tea })), expected)
        assert.strictEqual(yield* tagOf(disputes.submit({ params })), expected)
        assert.strictEqual(yield* tagOf(disputes.accept({ params })), expected)
      }
      assert.strictEqual(yield* tagOf(customer.disputes.list({ query: {} })), "Forbidden")
      const details = yield* admin.disputes.show({ params })
      assert.deepStrictEqual([details.dispute.status, kinds(details)], ["needs_response", []])
      const nothing = admin.disputes.show({ params: { id: yield* newDisputeId } })
      assert.strictEqual(yield* tagOf(nothing), "DisputeNotFound")
    })
  )

  it.effect("refuses what comes at the wrong time, and what no bank reads", () =>
    Effect.gen(function* () {
      const { id, number, offer } = yield* anOpenDispute()
      const { disputes } = yield* clientOf(offer.owner)
      const params = { id }
      const file = (bytes: Uint8Array) => disputes.addEvidence({ params, payload: { kind: "receipt", file: bytes } })
      assert.strictEqual(yield* tagOf(file(new TextEncoder().encode("<svg/>"))), "EvidenceTypeRefused")
      const large = new Uint8Array(4_500_001)
      large.set(png)
      const tooLarge = yield* Effect.flip(file(large))
      assert.deepInclude(tooLarge, { _tag: "EvidenceTooLarge", limit: 4_500_000 })
      yield* file(large.subarray(0, 4_400_000))
      const together = disputes.addEvidence({
        params,
        payload: { kind: "refund_policy", file: large.subarray(0, 200_000) }
      })
      assert.strictEqual(yield* tagOf(together), "EvidenceTooLarge")
      // of the same kind it takes the place of the first, so that it fits
      assert.deepStrictEqual(kinds(yield* file(png)), ["receipt"])

      yield* decide(number, "lose")
      yield* heard
      yield* awaitDispute(number, "lost")
      const acts: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        disputes.addEvidence({ params, payload: tea }),
        disputes.submit({ params }),
        disputes.accept({ params })
      ]
      for (const act of acts) {
        const conflict = yield* Effect.flip(act)
        assert.deepInclude(conflict, { _tag: "DisputeStateConflict", disputeStatus: "lost" })
      }
    })
  )

  it.effect("answers a repeated Idempotency-Key as the first time, and does it once", () =>
    Effect.gen(function* () {
      const { id, offer } = yield* anOpenDispute()
      const params = { id }
      const first = yield* clientOf(offer.owner, "evidence-1")
      const payload = tea
      const added = yield* first.disputes.addEvidence({ params, payload })
      const [again, response] = yield* first.disputes.addEvidence({
        params,
        payload,
        responseMode: "decoded-and-response"
      })
      assert.strictEqual(response.headers["idempotency-replayed"], "true")
      assert.deepStrictEqual(again, added)
      const other = first.disputes.addEvidence({ params, payload: { kind: "customer_name", text: "Ann" } })
      assert.strictEqual(yield* tagOf(other), "IdempotencyKeyReused")
      const twice = yield* clientOf(offer.owner, "accept-1")
      yield* Effect.forEach([1, 2], () => Effect.exit(twice.disputes.accept({ params })), {
        concurrency: "unbounded"
      })
      const accepted = yield* twice.disputes.accept({ params })
      assert.strictEqual(accepted.dispute.status, "accepted")
      assert.strictEqual(statuses(accepted).filter((status) => status === "accepted").length, 1)
      assert.strictEqual(accepted.history.filter(({ reason }) => reason === "gives it up").length, 1)
    })
  )
})

layer(TestSurface, { excludeTestServices: true })("The RPC surface of disputes", (it) => {
  it.effect("serves a merchant's own and nobody else's", () =>
    Effect.gen(function* () {
      const staff = yield* RpcTest.makeClient(DisputesMerchantRpcs)
      const { id, number, offer } = yield* anOpenDispute()
      const owner = asRpcUser(offer.owner)
      const stranger = asRpcUser(yield* aMerchant)
      const customer = asRpcUser(yield* aBuyer)
      const { data } = yield* staff["disputes.list"]({ limit: 10 }, owner)
      assert.deepStrictEqual(
        data.map((one) => one.id),
        [id]
      )
      for (const [as, expected] of [
        [stranger, "DisputeNotFound"],
        [customer, "Forbidden"]
      ] as const) {
        assert.strictEqual(yield* tagOf(staff["disputes.show"]({ id }, as)), expected)
        assert.strictEqual(yield* tagOf(staff["disputes.addEvidence"]({ id, evidence: tea }, as)), expected)
        assert.strictEqual(yield* tagOf(staff["disputes.submit"]({ id }, as)), expected)
        assert.strictEqual(yield* tagOf(staff["disputes.accept"]({ id }, as)), expected)
      }
      yield* staff["disputes.addEvidence"]({ id, evidence: { kind: "receipt", file: png } }, owner)
      const submitted = yield* staff["disputes.submit"]({ id }, owner)
      assert.deepStrictEqual(kinds(submitted), ["receipt"])
      yield* heard
      yield* awaitDispute(number, "under_review")
      assert.strictEqual(yield* tagOf(staff["disputes.accept"]({ id }, owner)), "DisputeStateConflict")
      assert.strictEqual((yield* staff["disputes.show"]({ id }, owner)).dispute.status, "under_review")
    })
  )

  it.effect("lets operators alone handle everybody's, and ask the channel", () =>
    Effect.gen(function* () {
      const desk = yield* RpcTest.makeClient(DisputesAdminRpcs)
      const { id, number, offer } = yield* anOpenDispute()
      const operator = yield* anAdmin
      const admin = asRpcUser(operator)
      const merchant = asRpcUser(offer.owner)
      const acts: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        desk["admin.disputes.list"]({}, merchant),
        desk["admin.disputes.show"]({ id }, merchant),
        desk["admin.disputes.accept"]({ id }, merchant),
        desk["admin.disputes.sync"]({ id }, merchant)
      ]
      for (const act of acts) {
        assert.strictEqual(yield* tagOf(act), "Forbidden")
      }
      yield* desk["admin.disputes.addEvidence"]({ id, evidence: tea }, admin)
      const { dispute } = yield* desk["admin.disputes.sync"]({ id }, admin)
      assert.strictEqual(dispute.channelReference, number)
      const { data } = yield* desk["admin.disputes.list"]({ status: "needs_response" }, admin)
      assert.isTrue(data.some((one) => one.id === id))
      const accepted = yield* desk["admin.disputes.accept"]({ id }, admin)
      assert.strictEqual(accepted.dispute.status, "accepted")
      assert.isTrue(accepted.history.some(({ actor }) => actor === `user:${operator.userId}`))
      assert.strictEqual(yield* tagOf(desk["admin.disputes.submit"]({ id }, admin)), "DisputeStateConflict")
    })
  )
})
