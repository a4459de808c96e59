import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as net from "node:net"
import { call, exchangeBytes, startEdge } from "./edgeServer.ts"

const head = "POST /api/v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"

describe("a server among hostile clients", () => {
  it.live("refuses a body over the limit, declared or chunked, and goes on", () =>
    Effect.gen(function* () {
      const { port, url } = yield* startEdge({ HTTP_MAX_BODY: "1000" })
      const declared = yield* exchangeBytes(port, `${head}Content-Length: 1001\r\nConnection: close\r\n\r\n`, /\}$/)
      assert.match(declared, /^HTTP\/1\.1 413 [^]*"code":"PayloadTooLarge"/)
      assert.include(declared, '"limit":1000')
      const chunk = `3e8\r\n${"x".repeat(1000)}\r\n`
      const chunked = yield* exchangeBytes(
        port,
        `${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunk}${chunk}0\r\n\r\n`,
        /\}$/
      )
      assert.match(chunked, /^HTTP\/1\.1 413 [^]*"code":"PayloadTooLarge"/)
      const fits = yield* call(`${url}/api/v1/things`, {
        method: "POST",
        body: JSON.stringify({ name: "a".repeat(900), password: "long enough" }),
        headers: { "content-type": "application/json" }
      })
      assert.strictEqual(fits.status, 200)
    }).pipe(Effect.scoped)
  )

  it.live("refuses a body that is not UTF-8, declared or chunked, and takes one that is", () =>
    Effect.gen(function* () {
      const { port } = yield* startEdge()
      const thing = (name: string) => `{"name":"${name}","password":"long enough"}`
      const declared = (body: string) => `${head}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
      const chunked = (body: string) =>
        `${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      // a lone continuation, an overlong slash, half of a character, a surrogate
      for (const bytes of ["\x80", "\xc0\xaf", "\xe8\x8c", "\xed\xa0\x80"]) {
        for (const framed of [declared, chunked]) {
          const refused = yield* exchangeBytes(port, framed(thing(bytes)), /\}$/)
          assert.match(refused, /^HTTP\/1\.1 400 [^]*"code":"InvalidRequest"/)
        }
      }
      const tea = "\xe8\x8c\xb6"
      for (const framed of [declared, chunked]) {
        const taken = yield* exchangeBytes(port, framed(thing(tea)), /\}$/)
        assert.match(taken, /^HTTP\/1\.1 200 /)
        assert.include(taken, tea)
      }
    }).pipe(Effect.scoped)
  )

  it.live("reads a body once, for who wants its bytes and who wants its text", () =>
    Effect.gen(function* () {
      const { url } = yield* startEdge()
      assert.strictEqual((yield* call(`${url}/bytes-then-text`, { method: "POST", body: "茶" })).text, "3 茶")
    }).pipe(Effect.scoped)
  )

  it.live("answers what is not HTTP, too long a head and too slow a one", () =>
    Effect.gen(function* () {
      const { port } = yield* startEdge({ HTTP_HEADERS_TIMEOUT: "1 second", HTTP_REQUEST_TIMEOUT: "1 second" })
      assert.match(yield* exchangeBytes(port, "hello\r\n\r\n"), /^HTTP\/1\.1 400 [^]*"code":"MalformedRequest"/)
      assert.match(
        yield* exchangeBytes(port, `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${"x".repeat(20_000)}\r\n\r\n`),
        /^HTTP\/1\.1 431 [^]*"code":"HeadersTooLarge"/
      )
      assert.match(
        yield* exchangeBytes(port, `${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`),
        /^HTTP\/1\.1 400 [^]*application\/problem\+json/
      )
      assert.match(
        yield* exchangeBytes(port, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow"),
        /^HTTP\/1\.1 408 [^]*RequestTimeout/
      )
    }).pipe(Effect.scoped)
  )

  it.live("answers pipelined requests in their order", () =>
    Effect.gen(function* () {
      const { begun, letGo, port } = yield* startEdge()
      const requests = ["/api/v1/slow", "/page", "/api/v1/boom", "/stream", "/healthz"]
        .map((path, i) => `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: r${i}\r\n\r\n`)
        .join("")
      yield* Effect.forkChild(Effect.andThen(begun, letGo))
      const answers = yield* exchangeBytes(port, requests, /"status":"ok"/)
      assert.deepStrictEqual(answers.match(/(?<=x-request-id: )r\d/g), ["r0", "r1", "r2", "r3", "r4"])
      assert.deepStrictEqual(answers.match(/(?<=HTTP\/1\.1 )\d+/g), ["200", "200", "500", "200", "200"])
    }).pipe(Effect.scoped)
  )

  it.live("takes a client that goes away for no error, and interrupts its work", () =>
    Effect.gen(function* () {
      const { begun, ended, load, log, port, url } = yield* startEdge()
      const waiting = net.connect(port, "127.0.0.1", () =>
        waiting.write("GET /api/v1/slow HTTP/1.1\r\nHost: a\r\n\r\n")
      )
      yield* begun
      waiting.destroy()
      assert.strictEqual(yield* ended, "interrupted")

      yield* Effect.callback<void>((resume) => {
        const half = net.connect(port, "127.0.0.1", () =>
          half.write(`${head}Content-Length: 100\r\n\r\n{"name":`, () => half.destroy())
        )
        half.on("close", () => resume(Effect.void))
      })
      yield* call(`${url}/healthz`)
      yield* Effect.suspend(() => (load.inFlight === 0 ? Effect.void : Effect.fail("in flight"))).pipe(
        Effect.eventually,
        Effect.timeout("5 seconds")
      )
      const text = yield* log
      assert.include(text, '"route":"/api/v1/slow","path":"/api/v1/slow","status":499')
      assert.notInclude(text, '"level":"error"')
    }).pipe(Effect.scoped)
  )
})
