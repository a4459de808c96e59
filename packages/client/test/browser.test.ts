import { assert, describe, it } from "@effect/vitest"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Effect, Schema } from "effect"
import { build } from "esbuild"
import * as path from "node:path"
import * as vm from "node:vm"

/** One script for a browser; it cannot be made where anything imports a module of Node. */
const bundle = Effect.promise(async () => {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, "visit.ts")],
    bundle: true,
    write: false,
    platform: "browser",
    format: "iife",
    globalName: "shop",
    target: "es2022",
    logLevel: "silent"
  })
  return outputFiles[0]?.text ?? ""
})

/** What a browser has; what of this is made of bytes must be of one realm with the bytes that `fetch` hands out. */
const browserGlobals = {
  ...{ fetch, Headers, Request, Response, FormData, Blob, URL, URLSearchParams, AbortController, AbortSignal },
  ...{ TextEncoder, TextDecoder, ReadableStream, WritableStream, TransformStream, ArrayBuffer, Uint8Array },
  ...{ crypto, performance, atob, btoa, queueMicrotask, structuredClone },
  ...{ setTimeout, clearTimeout, setInterval, clearInterval, MessageChannel, console }
}

/** Runs `visit(baseUrl)` of the bundle where nothing of Node can be reached. */
const visitFromBrowser = (script: string, baseUrl: string) => {
  const context = vm.createContext({ ...browserGlobals, baseUrl })
  assert.strictEqual(vm.runInContext("typeof process + typeof Buffer + typeof require", context), "undefined".repeat(3))
  const visiting: Promise<unknown> = vm.runInContext(`${script}\nshop.visit(baseUrl)`, context)
  return Effect.flatMap(
    Effect.promise(() => visiting),
    Schema.decodeUnknownEffect(Told)
  )
}

const ShortAs = Schema.Struct({ isStockShort: Schema.Boolean, available: Schema.Int, skuId: Schema.String })
const Told = Schema.Struct({
  skuId: Schema.String,
  byHttp: ShortAs,
  byRpc: ShortAs,
  asGuest: Schema.String,
  missing: Schema.String,
  isSameCheckout: Schema.Boolean,
  status: Schema.String,
  placedAtIsDate: Schema.Boolean
})

describe("the clients in a browser", () => {
  it.live(
    "buy over HTTP and RPC, and get typed errors",
    () =>
      Effect.gen(function* () {
        const { url } = yield* startServer({ database: yield* acquireDatabase })
        const { skuId, ...told } = yield* visitFromBrowser(yield* bundle, url)
        const short = { isStockShort: true, available: 3, skuId }
        assert.deepStrictEqual(told, {
          byHttp: short,
          byRpc: short,
          asGuest: "Unauthorized",
          missing: "OrderNotFound",
          isSameCheckout: true,
          status: "pending_payment",
          placedAtIsDate: true
        })
      }),
    60_000
  )
})
