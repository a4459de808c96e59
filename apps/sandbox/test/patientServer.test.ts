import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { FetchHttpClient, HttpClient, HttpServer, HttpServerResponse } from "effect/http"
import { patientServer } from "../src/patientServer.ts"

it.live("asks to come back while nothing is served yet, and serves from then on", () =>
  Effect.gen(function* () {
    const server = yield* NodeHttpServer.make(patientServer, { host: "127.0.0.1", port: 0 })
    const http = yield* HttpClient.HttpClient
    const ask = http.get(`${HttpServer.formatAddress(server.address)}/wechatpay/v3/certificates`)
    for (const early of yield* Effect.all([ask, ask], { concurrency: "unbounded" })) {
      assert.deepStrictEqual([early.status, early.headers["retry-after"]], [503, "1"])
    }
    yield* server.serve(Effect.succeed(HttpServerResponse.text("served")))
    const response = yield* ask
    assert.deepStrictEqual([response.status, yield* response.text], [200, "served"])
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
)
