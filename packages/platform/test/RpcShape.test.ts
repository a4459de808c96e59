import { assert, describe, it } from "@effect/vitest"
import { InvalidRequest, RateLimited, UnknownRpc } from "@mall/domain/kernel/EdgeError"
import { RpcProblems } from "@mall/domain/kernel/Problems"
import { RateLimit } from "@mall/domain/kernel/RateLimit"
import { ConfigProvider, Effect, Layer, Metric, Schema } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import { Rpc, RpcClient, RpcGroup, RpcSerialization } from "effect/rpc"
import * as Edge from "../src/http/Edge.ts"
import * as NodeServer from "../src/http/NodeServer.ts"
import { RpcProblemsLayer } from "../src/RpcProblemsLayer.ts"
import * as RpcShape from "../src/RpcShape.ts"
import * as JsonLogger from "../src/telemetry/JsonLogger.ts"
import { LineWriter } from "../src/telemetry/LineWriter.ts"
import * as TracingLayer from "../src/telemetry/TracingLayer.ts"
import { call } from "./http/edgeServer.ts"

const Amount = Schema.Int.check(Schema.isGreaterThan(0))

class Calls extends RpcGroup.make(
  Rpc.make("add", { payload: { amount: Amount, note: Schema.optionalKey(Schema.String) }, success: Schema.Int }),
  Rpc.make("boom", { payload: { amount: Amount }, success: Schema.Int }),
  Rpc.make("misshapen", { payload: { amount: Amount }, success: Amount }),
  Rpc.make("rare", { success: Schema.Int }).annotate(RateLimit, {
    name: "rare",
    by: "ip",
    algorithm: "fixed-window",
    limit: 2,
    window: "1 hour"
  })
).middleware(RpcProblems) {}

/** The contract of a client that was not brought up to date. */
class Older extends RpcGroup.make(
  Rpc.make("add", { payload: { amount: Schema.String }, success: Schema.Int })
).middleware(RpcProblems) {}

/** The contract of a client that is ahead of the server. */
class Newer extends RpcGroup.make(Rpc.make("later", { success: Schema.Int })).middleware(RpcProblems) {}

const Handlers = Calls.toLayer({
  add: ({ amount }) => Effect.succeed(amount + 1),
  boom: () => Effect.die(new Error("the secret plan")),
  misshapen: () => Effect.succeed(-1),
  rare: () => Effect.succeed(1)
})

/** A server of `Calls`, which writes its log to `log`; answers with the address of its calls. */
const startCalls = Effect.fnUntraced(function* (config: Record<string, string> = {}, log: Array<string> = []) {
  const Routes = RpcShape.layerHttp({ group: Calls, path: "/rpc" }).pipe(
    Layer.provide(Handlers),
    Layer.provide([RpcProblemsLayer, RpcSerialization.layerNdjson])
  )
  const services = yield* Layer.build(
    Edge.serve(Routes).pipe(
      Layer.provide(Edge.layer),
      Layer.provideMerge(NodeServer.layer),
      Layer.provide(TracingLayer.layer),
      Layer.provide(JsonLogger.layer),
      Layer.provide(LineWriter.layerTo((lines) => log.push(lines))),
      Layer.provide(Layer.succeed(Metric.MetricRegistry, new Map())),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ PORT: "0", HOST: "127.0.0.1", ...config }))),
      Layer.fresh
    )
  )
  const { address } = yield* Effect.provideContext(HttpServer.HttpServer, services)
  if (!("port" in address)) return yield* Effect.die("not listening on TCP")
  return `http://127.0.0.1:${address.port}/rpc`
})

const clientOf = <Rpcs extends Rpc.Any>(group: RpcGroup.RpcGroup<Rpcs>, url: string) =>
  RpcClient.make(group).pipe(
    Effect.provide(
      RpcClient.layerProtocolHttp({ url }).pipe(Layer.provide([FetchHttpClient.layer, RpcSerialization.layerNdjson]))
    )
  )

/** Many calls in one request, as they go over the wire; answers with the lines that come back, by the id of the call. */
const batch = Effect.fnUntraced(function* (
  url: string,
  calls: ReadonlyArray<readonly [tag: string, payload: unknown]>
) {
  const body = calls
    .map(([tag, payload], id) => `${JSON.stringify({ _tag: "Request", id: String(id), tag, payload, headers: [] })}\n`)
    .join("")
  const { text } = yield* call(url, { method: "POST", body, headers: { "content-type": "application/ndjson" } })
  const lines = text.split("\n").filter((line) => line.includes('"_tag":"Exit"'))
  return new Map(lines.map((line) => [Number(/"requestId":"(\d+)"/.exec(line)?.[1]), line]))
})

describe("calls over HTTP", () => {
  it.live("fail with what is wrong with their payload, field by field, and hold up none beside them", () =>
    Effect.gen(function* () {
      const url = yield* startCalls()
      const answers = yield* batch(url, [
        ["add", { amount: "much", note: 7 }],
        ["add", { amount: 1 }],
        ["add", null],
        ["rare", null],
        ...Array.from({ length: 40 }, () => ["add", { amount: -1 }] as const)
      ])
      assert.strictEqual(answers.size, 44)
      assert.include(answers.get(0) ?? "", '"code":"InvalidRequest"')
      assert.include(answers.get(0) ?? "", '"path":["payload","amount"]')
      assert.notInclude(answers.get(0) ?? "", "much")
      assert.include(answers.get(1) ?? "", '"value":2')
      assert.include(answers.get(2) ?? "", '"code":"InvalidRequest"')
      assert.include(answers.get(3) ?? "", '"value":1')
      assert.include(answers.get(43) ?? "", '"code":"InvalidRequest"')
      assert.notInclude([...answers.values()].join(), '"_tag":"Die"')
    }).pipe(Effect.scoped)
  )

  it.live("tell a client with another contract, in types that it knows, what they expect", () =>
    Effect.gen(function* () {
      const url = yield* startCalls()
      const client = yield* clientOf(Older, url)
      const error = yield* Effect.flip(client.add({ amount: "1" }))
      assert.instanceOf(error, InvalidRequest)
    }).pipe(Effect.scoped)
  )

  it.live("keep the server's own failures apart from those of the caller", () =>
    Effect.gen(function* () {
      const url = yield* startCalls()
      const client = yield* clientOf(Calls, url)
      assert.strictEqual((yield* Effect.flip(client.boom({ amount: 1 })))._tag, "InternalError")
      const answers = yield* batch(url, [
        ["boom", { amount: 1 }],
        ["misshapen", { amount: 1 }]
      ])
      for (const line of answers.values()) {
        assert.notInclude(line, "InvalidRequest")
        assert.notInclude(line, "secret plan")
      }
      assert.strictEqual(answers.size, 2)
    }).pipe(Effect.scoped)
  )

  it.live("that nobody knows fail by name, each for itself, and are no defects", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const url = yield* startCalls({}, log)
      const answers = yield* batch(url, [
        ["add", { amount: 1 }],
        ["no.such.call", { amount: "secret" }],
        ["__proto__", null],
        ["", null],
        ["x".repeat(5000), null]
      ])
      assert.include(answers.get(0) ?? "", '"value":2')
      for (const [id, name] of [
        [1, "no.such.call"],
        [2, "__proto__"],
        [3, ""],
        [4, "x".repeat(100)]
      ] as const) {
        const line = answers.get(id) ?? ""
        assert.include(line, '"code":"UnknownRpc"')
        assert.include(line, `"rpc":"${name}"`)
        assert.notInclude(line, '"Die"')
        assert.notInclude(line, "secret")
      }
      const newer = yield* clientOf(Newer, url)
      const error = yield* Effect.flip(newer.later())
      assert.instanceOf(error, UnknownRpc)
      assert.strictEqual(error.rpc, "later")
      const discarded = '{"_tag":"Request","id":"1","tag":"nothing","payload":null,"headers":[],"discard":true}'
      assert.include((yield* call(url, { method: "POST", body: discarded })).text, "UnknownRpc")
      assert.notMatch(log.join(""), /defect|ERROR|FATAL/i)
    }).pipe(Effect.scoped)
  )

  it.live("that are none are refused as a whole, with what is wrong where", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const url = yield* startCalls({}, log)
      const good = '{"_tag":"Request","id":"1","tag":"add","payload":{"amount":1},"headers":[]}'
      for (const [body, where] of [
        ["", '["body"]'],
        ["secret", '["body"]'],
        ["{secret\n", '["body"]'],
        [`${good}\n{"_tag":`, '["body"]'],
        ["null\n", '["body",0]'],
        ['["secret"]', '["body",0]'],
        ['{"_tag":"Nonsense"}\n', '["body",0'],
        ['{"_tag":"Request"}\n', '["body",0'],
        [`${good}\n{"_tag":"Request","id":{},"tag":"add","payload":null,"headers":[]}\n`, '["body",1,"id"]'],
        ['{"_tag":"Request","id":"1","tag":7,"payload":null,"headers":[]}\n', '["body",0,"tag"]'],
        ['{"_tag":"Request","id":"1","tag":"add","payload":null}\n', '["body",0,"headers"]'],
        [
          '{"_tag":"Request","id":"1","tag":"add","payload":null,"headers":[["secret",2]]}\n',
          '["body",0,"headers",0,1]'
        ]
      ] as const) {
        const { headers, status, text } = yield* call(url, { method: "POST", body })
        assert.strictEqual(status, 400, `${body}: ${text}`)
        assert.include(headers.get("content-type") ?? "", "application/problem+json", body)
        assert.include(text, '"code":"InvalidRequest"', body)
        assert.include(text, `"path":${where}`, body)
        assert.notInclude(text, "secret", body)
      }
      // the last line needs no end
      const { status, text } = yield* call(url, { method: "POST", body: good })
      assert.deepStrictEqual([status, text.includes('"value":2')], [200, true])
      assert.notMatch(log.join(""), /defect|ERROR|FATAL/i)
    }).pipe(Effect.scoped)
  )

  it.live("take the limit of their client one by one, however many come in one request", () =>
    Effect.gen(function* () {
      const url = yield* startCalls({ RATE_LIMIT_IP_PER_SECOND: "0.001", RATE_LIMIT_IP_BURST: "5" })
      const answers = [
        ...(yield* batch(
          url,
          Array.from({ length: 20 }, () => ["add", { amount: 1 }])
        )).values()
      ]
      assert.lengthOf(answers, 20)
      assert.lengthOf(
        answers.filter((line) => line.includes('"value":2')),
        5
      )
      assert.lengthOf(
        answers.filter((line) => line.includes('"code":"RateLimited"')),
        15
      )
      assert.strictEqual((yield* call(url, { method: "POST" })).status, 429)
    }).pipe(Effect.scoped)
  )

  it.live("take the limit of their Rpc, in one request or in many", () =>
    Effect.gen(function* () {
      const url = yield* startCalls()
      const first = yield* batch(url, [["rare", null]])
      assert.include(first.get(0) ?? "", '"value":1')
      const answers = [
        ...(yield* batch(
          url,
          Array.from({ length: 4 }, () => ["rare", null])
        )).values()
      ]
      assert.lengthOf(
        answers.filter((line) => line.includes('"value":1')),
        1
      )
      const client = yield* clientOf(Calls, url)
      assert.instanceOf(yield* Effect.flip(client.rare()), RateLimited)
      assert.strictEqual(yield* client.add({ amount: 1 }), 2)
    }).pipe(Effect.scoped)
  )
})
