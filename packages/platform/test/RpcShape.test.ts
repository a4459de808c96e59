import { assert, describe, it } from "@effect/vitest"
import { InvalidRequest, RateLimited } from "@mall/domain/kernel/EdgeError"
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

const Handlers = Calls.toLayer({
  add: ({ amount }) => Effect.succeed(amount + 1),
  boom: () => Effect.die(new Error("the secret plan")),
  misshapen: () => Effect.succeed(-1),
  rare: () => Effect.succeed(1)
})

/** A server of `Calls`; answers with the address of its calls. */
const startCalls = Effect.fnUntraced(function* (config: Record<string, string> = {}) {
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
      Layer.provide(LineWriter.layerTo(() => {})),
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
        ["misshapen", { amount: 1 }],
        ["unknown", {}]
      ])
      for (const line of answers.values()) {
        assert.notInclude(line, "InvalidRequest")
        assert.notInclude(line, "secret plan")
      }
      assert.strictEqual(answers.size, 3)
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
