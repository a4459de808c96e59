import { assert, describe, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { ReadyAnswers } from "../../src/http/ReadyAnswers.ts"
import { call, startEdge, TestApi } from "./edgeServer.ts"

const ready = { response: HttpServerResponse.empty(), userId: undefined }

describe("ReadyAnswers", () => {
  it.live("answers with the bytes at hand and leaves all others to the endpoint", () =>
    Effect.gen(function* () {
      const { url } = yield* startEdge()
      const text = (path: string, init?: RequestInit) =>
        Effect.map(call(`${url}/api/v1/words/${path}`, init), (answer) => answer.text)
      assert.strictEqual(yield* text("Apple"), '"at hand Apple"')
      assert.strictEqual(yield* text("Apple?ripe=1"), '"at hand Appleripe=1"')
      assert.strictEqual(yield* text("pearL"), '"at hand pearL"')
      assert.strictEqual(yield* text("pear"), '"asked for pear"')
      assert.strictEqual(yield* text("broken"), '"asked for broken"')
      assert.strictEqual(yield* text("Apple", { headers: { "if-none-match": '"x"' } }), '"asked for Apple"')
      assert.strictEqual((yield* call(`${url}/api/v1/words/Apple`, { method: "POST", body: "{}" })).status, 405)
      assert.strictEqual((yield* call(`${url}/api/v1/words/Apple`, { method: "HEAD" })).text, "")
      assert.strictEqual((yield* call(`${url}/api/v1/words/Apple/peel`)).status, 404)
    }).pipe(Effect.scoped)
  )

  it.live("gives the headers, the log line and the metrics that the endpoint's answer gets", () =>
    Effect.gen(function* () {
      const { load, log, url } = yield* startEdge({ CORS_ORIGINS: "https://shop.example" })
      const init = { headers: { origin: "https://shop.example", authorization: "Bearer x" } }
      const here = yield* call(`${url}/api/v1/words/Apple`, init)
      const there = yield* call(`${url}/api/v1/words/apple`, init)
      const namesOf = (headers: Headers) => [...headers.keys()].filter((name) => name !== "content-length").toSorted()
      assert.deepStrictEqual(namesOf(here.headers), namesOf(there.headers))
      for (const name of ["content-type", "cache-control", "x-frame-options", "access-control-allow-origin", "vary"]) {
        assert.strictEqual(here.headers.get(name), there.headers.get(name), name)
      }
      assert.match(here.headers.get("x-trace-id") ?? "", /^[0-9a-f]{32}$/)
      const lines = (yield* log).split("\n").filter((line) => line.includes('"route":"/api/v1/words/:word"'))
      assert.lengthOf(lines, 2)
      assert.include((yield* call(`${url}/metrics`)).text, 'path="/api/v1/words/:word",status="200"} 2')
      assert.strictEqual(load.inFlight, 0)
    }).pipe(Effect.scoped)
  )

  it.live("takes the limits of the client and of the user", () =>
    Effect.gen(function* () {
      const perClient = yield* startEdge({ RATE_LIMIT_IP_PER_SECOND: "0.001", RATE_LIMIT_IP_BURST: "2" })
      const apple = Effect.map(call(`${perClient.url}/api/v1/words/Apple`), ({ status }) => status)
      assert.deepStrictEqual([yield* apple, yield* apple, yield* apple], [200, 200, 429])

      const perUser = yield* startEdge({ RATE_LIMIT_USER_PER_SECOND: "0.001", RATE_LIMIT_USER_BURST: "2" })
      const ofUser = (digit: number) =>
        Effect.map(call(`${perUser.url}/api/v1/words/${digit}`), ({ text }) => text.includes("at hand"))
      // the endpoint itself says what follows from a limit that is used up
      assert.deepStrictEqual([yield* ofUser(1), yield* ofUser(1), yield* ofUser(1)], [true, true, false])
      assert.isTrue(yield* ofUser(2))
      assert.include(yield* perUser.log, '"userId":"0192d3a4-2222-7222-8222-222222222221"')
    }).pipe(Effect.scoped)
  )

  it.effect("takes no endpoint whose rules it could not keep", () =>
    Effect.gen(function* () {
      const answers = yield* ReadyAnswers
      const { make, rare } = TestApi.groups.things.endpoints
      const find = () => Effect.succeed(ready)
      assert.throws(() => answers.add(make, find), "POST")
      assert.throws(() => answers.add(rare, find), "cannot have ready answers")
      const annotations = Context.empty()
      assert.throws(() => answers.add({ method: "GET", path: "/a/:b/c", annotations }, find), "before its end")
      assert.isUndefined(answers.of("/anything"))
    }).pipe(Effect.provide(ReadyAnswers.layer))
  )
})
