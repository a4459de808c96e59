import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Downstream from "@mall/platform/Downstream"
import { CallFailed, DownstreamUnavailable } from "@mall/platform/DownstreamError"
import { assert, describe, layer } from "@effect/vitest"
import { ConfigProvider, Context, Duration, Effect, ExecutionPlan, Fiber, Latch, Layer, Metric, Schema } from "effect"
import { HttpClient, HttpClientResponse, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { CircuitBreaker } from "effect/persistence"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"

class Declined extends Schema.TaggedError<Declined>()("Declined", {}) {
  override get message() {
    return "The card was declined"
  }
}

class Provider extends Context.Service<Provider, { readonly name: string }>()("test/Provider") {}

const neverSent = new CallFailed({ isRetryable: true, mayHaveHappened: false, cause: "refused" })
const halfDone = new CallFailed({ isRetryable: true, mayHaveHappened: true, cause: "reset" })

/** Answers with each outcome in turn, the last one for ever, and counts. */
const script = <A, E>(...outcomes: ReadonlyArray<Effect.Effect<A, E>>) => {
  const calls = { count: 0 }
  const attempt = Effect.suspend(
    () => outcomes[Math.min(calls.count++, outcomes.length - 1)] ?? Effect.die("no outcome")
  )
  return { calls, attempt }
}

const makeServer = Effect.gen(function* () {
  const server = yield* NodeHttpServer.make(createServer, { port: 0 })
  return { address: `http://127.0.0.1:${"port" in server.address ? server.address.port : 0}/` }
})

const Faulty = HttpRouter.serve(
  Layer.mergeAll(
    HttpRouter.add("GET", "/busy", HttpServerResponse.empty({ status: 429 })),
    HttpRouter.add("GET", "/broken", HttpServerResponse.empty({ status: 502 })),
    HttpRouter.add(
      "GET",
      "/cut",
      Effect.gen(function* () {
        const request = NodeHttpServerRequest.toIncomingMessage(yield* HttpServerRequest.HttpServerRequest)
        request.socket.destroy()
        return yield* Effect.never
      })
    )
  ),
  { disableLogger: true, disableListenLog: true }
).pipe(Layer.provideMerge(NodeHttpServer.layerTest))

const metricOf = (id: string, attributes: Record<string, string>) =>
  Effect.map(
    Metric.snapshot,
    (all) =>
      all.find(
        (each) => each.id === id && Object.entries(attributes).every(([key, value]) => each.attributes?.[key] === value)
      )?.state
  )

/** Lets every pause pass; answers with how the call ended. */
const ended = <A, E>(call: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.result(call))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

describe("Downstream", () => {
  layer(CircuitBreaker.layerStoreMemory())((it) => {
    it.effect("repeats what is safe to repeat until it is answered", () =>
      Effect.gen(function* () {
        const downstream = yield* Downstream.make("repeating")
        const { attempt, calls } = script(Effect.fail(neverSent), Effect.fail(halfDone), Effect.succeed("answer"))
        const result = yield* ended(downstream.call(attempt, { operation: "query", isRepeatable: true }))
        assert.deepStrictEqual([result._tag, calls.count], ["Success", 3])
        assert.deepInclude(
          yield* metricOf("downstream_requests_total", { name: "repeating", operation: "query", outcome: "ok" }),
          { count: 1 }
        )
      })
    )

    it.effect("does not repeat what may have happened, unless that is harmless, and says that it may have", () =>
      Effect.gen(function* () {
        const downstream = yield* Downstream.make("careful")
        const { attempt, calls } = script(Effect.fail(neverSent), Effect.fail(halfDone))
        const error = yield* Effect.flip(
          Effect.fromResult(yield* ended(downstream.call(attempt, { operation: "pay" })))
        )
        assert.strictEqual(calls.count, 2)
        assert.deepInclude(error, { reason: "failed", mayHaveHappened: true, isRetryable: true })
      })
    )

    it.effect("remembers over the attempts that an earlier one may have happened", () =>
      Effect.gen(function* () {
        const downstream = yield* Downstream.make("remembering")
        const { attempt } = script(Effect.fail(halfDone), Effect.fail(neverSent))
        const result = yield* ended(downstream.call(attempt, { operation: "pay", isRepeatable: true }))
        assert.deepInclude(yield* Effect.flip(Effect.fromResult(result)), { reason: "failed", mayHaveHappened: true })

        const unsent = yield* ended(downstream.call(Effect.fail(neverSent), { operation: "pay", isRepeatable: true }))
        assert.deepInclude(yield* Effect.flip(Effect.fromResult(unsent)), { reason: "failed", mayHaveHappened: false })
      })
    )

    it.effect("gives up an attempt at its timeout, whose outcome is unknown", () =>
      Effect.gen(function* () {
        const downstream = yield* Downstream.make("slow")
        const { attempt, calls } = script(Effect.never)
        const result = yield* ended(downstream.call(attempt, { operation: "pay", timeout: "2 seconds" }))
        assert.deepInclude(yield* Effect.flip(Effect.fromResult(result)), { reason: "timeout", mayHaveHappened: true })
        assert.strictEqual(calls.count, 1)
      })
    )

    it.effect("passes an answer that says no, and takes it for health", () =>
      Effect.gen(function* () {
        const downstream = yield* Downstream.make("declining", { breakerFailures: 2 })
        const { attempt, calls } = script(Effect.fail(new Declined()))
        for (let count = 1; count <= 5; count++) {
          const error = yield* Effect.flip(downstream.call(attempt, { operation: "pay", isRepeatable: true }))
          assert.instanceOf(error, Declined)
        }
        assert.strictEqual(calls.count, 5)
      })
    )

    it.effect("opens the breaker of one operation, probes it after a while, and closes it again", () =>
      Effect.gen(function* () {
        const downstream = yield* Downstream.make("breaking", { breakerFailures: 2, maxAttempts: 1 })
        const shown = (value: number) =>
          metricOf("circuit_breaker_state", { name: "breaking", operation: "pay" }).pipe(
            Effect.tap(Effect.yieldNow),
            Effect.repeat({ until: (state) => state !== undefined && "value" in state && state.value === value })
          )
        const failing = downstream.call(Effect.fail(halfDone), { operation: "pay" })
        yield* Effect.flip(failing)
        yield* Effect.flip(failing)
        const { attempt, calls } = script(Effect.succeed("up"))
        const call = downstream.call(attempt, { operation: "pay" })
        const refused = yield* Effect.flip(call)
        assert.deepInclude(refused, { reason: "open", mayHaveHappened: false, isRetryable: true })
        assert.strictEqual(calls.count, 0)
        yield* shown(2)
        assert.strictEqual(yield* downstream.call(attempt, { operation: "query" }), "up")

        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* call, "up")
        yield* shown(0)
      })
    )

    it.effect("lets so many in, so many wait, and refuses the rest at once", () =>
      Effect.gen(function* () {
        const downstream = yield* Downstream.make("crowded", { maxConcurrent: 2, maxQueued: 3 })
        const gate = yield* Latch.make()
        let running = 0
        let most = 0
        const attempt = Effect.sync(() => (most = Math.max(most, ++running))).pipe(
          Effect.andThen(gate.await),
          Effect.ensuring(Effect.sync(() => running--))
        )
        const call = downstream.call(attempt, { operation: "pay" })
        const inside = yield* Effect.forEach(Array.from({ length: 5 }), () => Effect.forkChild(call))
        yield* Effect.yieldNow
        assert.deepInclude(yield* Effect.flip(call), { reason: "bulkhead", mayHaveHappened: false })
        yield* gate.open
        yield* Fiber.joinAll(inside)
        assert.strictEqual(most, 2)
        yield* call
      })
    )

    it.effect("frees the place of a caller who leaves", () =>
      Effect.gen(function* () {
        const downstream = yield* Downstream.make("left", { maxConcurrent: 1, maxQueued: 1 })
        const inside = yield* Effect.forkChild(downstream.call(Effect.never, { operation: "pay" }))
        const waiting = yield* Effect.forkChild(downstream.call(Effect.never, { operation: "pay" }))
        yield* Effect.yieldNow
        yield* Fiber.interruptAll([waiting, inside])
        assert.strictEqual(yield* downstream.call(Effect.succeed("in"), { operation: "pay" }), "in")
      })
    )

    it.effect("hands over to another provider by an execution plan", () =>
      Effect.gen(function* () {
        const first = yield* Downstream.make("first", { maxAttempts: 1 })
        const second = yield* Downstream.make("second", { maxAttempts: 1 })
        const plan = ExecutionPlan.make(
          {
            provide: Layer.succeed(Provider, { name: "first" }),
            while: (error: DownstreamUnavailable) => !error.mayHaveHappened
          },
          { provide: Layer.succeed(Provider, { name: "second" }) }
        )
        const send = Effect.flatMap(Provider, ({ name }) =>
          name === "first"
            ? first.call(Effect.fail(neverSent), { operation: "send" })
            : second.call(Effect.succeed(name), { operation: "send" })
        )
        assert.strictEqual(yield* Effect.withExecutionPlan(send, plan), "second")
      })
    )

    it.effect("takes its numbers from configuration: its own, else those for all, else the defaults", () =>
      Effect.gen(function* () {
        const { policy } = yield* Downstream.make("wechatPay", { maxAttempts: 7 }).pipe(
          Effect.provide(
            ConfigProvider.layer(
              ConfigProvider.fromUnknown({
                DOWNSTREAM_WECHAT_PAY_TIMEOUT: "3 seconds",
                DOWNSTREAM_TIMEOUT: "9 seconds",
                DOWNSTREAM_MAX_QUEUED: "5"
              })
            )
          )
        )
        assert.deepInclude(policy, { timeout: Duration.seconds(3), maxQueued: 5, maxAttempts: 7, maxConcurrent: 64 })
      })
    )
  })
  layer(Layer.mergeAll(CircuitBreaker.layerStoreMemory(), Faulty), { excludeTestServices: true })("over HTTP", (it) => {
    it.effect("knows that a refused connection had no effect, and that a cut one may have had", () =>
      Effect.gen(function* () {
        const downstream = yield* Downstream.make("http", { maxAttempts: 2, retryDelay: Duration.zero })
        const client = yield* HttpClient.HttpClient
        const nobody = yield* Effect.scoped(Effect.map(makeServer, ({ address }) => address))
        const get = (url: string) =>
          downstream.call(
            client.get(url).pipe(
              Effect.flatMap(HttpClientResponse.filterStatusOk),
              Effect.mapError((error) => CallFailed.ofHttpClientError(error))
            ),
            { operation: "get" }
          )
        assert.deepInclude(yield* Effect.flip(get(nobody)), { reason: "failed", mayHaveHappened: false })
        assert.deepInclude(yield* Effect.flip(get("/cut")), { reason: "failed", mayHaveHappened: true })
        assert.deepInclude(yield* Effect.flip(get("/busy")), { mayHaveHappened: false, isRetryable: true })
        assert.deepInclude(yield* Effect.flip(get("/broken")), { mayHaveHappened: true, isRetryable: true })
        assert.deepInclude(yield* Effect.flip(get("/missing")), { mayHaveHappened: false, isRetryable: false })
      })
    )
  })
})
