import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { call, exchangeBytes, startEdge } from "./edgeServer.ts"

describe("readiness and drain", () => {
  it.live("is ready while every required dependency is", () =>
    Effect.gen(function* () {
      const { readiness, url } = yield* startEdge()
      assert.strictEqual((yield* call(`${url}/readyz`)).status, 200)
      yield* readiness.register("search", Effect.fail("down"), { required: false })
      const optional = yield* call(`${url}/readyz`)
      assert.strictEqual(optional.status, 200)
      assert.include(optional.text, '{"name":"search","ready":false,"required":false}')
      const database = yield* Scope.make()
      yield* readiness.register("database", Effect.die("no connection")).pipe(Scope.provide(database))
      assert.strictEqual((yield* call(`${url}/readyz`)).status, 503)
      yield* Scope.close(database, Exit.void)
      assert.strictEqual((yield* call(`${url}/readyz`)).status, 200)
    }).pipe(Effect.scoped)
  )

  it.live("looks at a dependency once for many probes", () =>
    Effect.gen(function* () {
      const { readiness, url } = yield* startEdge()
      let looks = 0
      yield* readiness.register(
        "database",
        Effect.sync(() => looks++)
      )
      yield* Effect.all(
        Array.from({ length: 20 }, () => call(`${url}/readyz`)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(looks, 1)
    }).pipe(Effect.scoped)
  )

  it.live("stops being ready first, still answers, ends connections, and lets work in flight finish", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { begun, ended, letGo, load, log, port, url } = yield* startEdge({ DRAIN_DELAY: "1 second" }).pipe(
        Scope.provide(scope)
      )
      const slow = yield* Effect.forkChild(exchangeBytes(port, "GET /api/v1/slow HTTP/1.1\r\nHost: a\r\n\r\n"))
      yield* begun
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* Effect.suspend(() => (load.draining ? Effect.void : Effect.fail("not yet"))).pipe(Effect.eventually)
      const ready = yield* call(`${url}/readyz`)
      assert.deepStrictEqual([ready.status, ready.headers.get("connection")], [503, "close"])
      assert.strictEqual((yield* call(`${url}/page`)).status, 200)
      yield* letGo
      const answer = yield* Fiber.await(slow)
      assert.isTrue(Exit.isSuccess(answer) && answer.value.startsWith("HTTP/1.1 200 OK"))
      assert.isTrue(Exit.isSuccess(answer) && /connection: close/i.test(answer.value))
      assert.strictEqual(yield* ended, "answered")
      yield* Fiber.await(closing)
      assert.include(yield* log, '"route":"/api/v1/slow"')
      assert.isTrue(Exit.isFailure(yield* Effect.exit(call(`${url}/page`))))
    })
  )

  it.live("ends work that outlasts the drain with a 503", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { begun, ended, port } = yield* startEdge({ DRAIN_TIMEOUT: "100 millis" }).pipe(Scope.provide(scope))
      const answered = yield* Deferred.make<string>()
      yield* exchangeBytes(port, "GET /api/v1/slow HTTP/1.1\r\nHost: a\r\n\r\n").pipe(
        Effect.flatMap((text) => Deferred.succeed(answered, text)),
        Effect.forkChild
      )
      yield* begun
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* ended, "interrupted")
      assert.match(yield* Deferred.await(answered), /^HTTP\/1\.1 503 [^]*"code":"Overloaded"/)
    })
  )
})
