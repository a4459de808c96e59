import { assert, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { HttpClientRequest } from "effect/http"
import { networkInterfaces } from "node:os"
import { Sandbox } from "../src/Sandbox.ts"
import { SandboxUnavailable } from "../src/SandboxUnavailable.ts"
import { merchantOn, temporaryFolder, TestMerchant } from "./TestMerchant.ts"

const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address !== undefined && address.family === "IPv4" && !address.internal)?.address

it.live("says in one sentence that its port is taken, and leaves the other's files alone", () =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    yield* Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const settings = { SANDBOX_PORT: new URL(merchant.url).port, MALL_DATA_DIR: folder }
      const second = Effect.asVoid(Sandbox).pipe(
        Effect.provide(Layer.provide(Sandbox.layer, ConfigProvider.layer(ConfigProvider.fromUnknown(settings))), {
          local: true
        })
      )
      const error = yield* Effect.flip(second)
      assert.instanceOf(error, SandboxUnavailable)
      assert.match(error.message, /^The port \d+ is in use by another program/)
      assert.strictEqual((yield* merchant.create({ out_trade_no: "still-0001", amount: { total: 1 } })).status, 200)
    }).pipe(Effect.provide(merchantOn(folder), { local: true }))
  })
)

it.live.skipIf(outside === undefined)("takes payments from the network where it is opened to it, but no controls", () =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    yield* Effect.gen(function* () {
      const { http, url } = yield* TestMerchant
      const open = `http://${outside}:${new URL(url).port}`
      const get = (path: string) =>
        Effect.map(http.execute(HttpClientRequest.get(`${open}${path}`)), ({ status }) => status)
      assert.strictEqual(yield* get("/"), 200)
      assert.strictEqual(yield* get("/control/requests"), 403)
    }).pipe(Effect.provide(merchantOn(folder, { SANDBOX_HOST: "0.0.0.0" }), { local: true }))
  })
)
