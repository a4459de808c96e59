import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, layer } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Schema, Stream } from "effect"
import { HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { CircuitBreaker } from "effect/persistence"
import { createHash, createHmac } from "node:crypto"
import { createServer } from "node:http"
import { ObjectKey, ObjectStore } from "../../src/objects/ObjectStore.ts"
import * as ObjectStoreLayer from "../../src/objects/ObjectStoreLayer.ts"

const secret = "a-secret-of-the-bucket"
const sha256 = (text: string | Uint8Array) => createHash("sha256").update(text).digest("hex")
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest()

/** What the signature of this request must be, worked out step by step as the documentation tells it. */
const expected = ({ headers, method, url }: HttpServerRequest.HttpServerRequest, bodyHash: string) => {
  const date = headers["x-amz-date"] ?? ""
  const day = date.slice(0, 8)
  const canonical =
    `${method}\n${url}\n\nhost:${headers["host"]}\nx-amz-content-sha256:${bodyHash}\nx-amz-date:${date}\n\n` +
    `host;x-amz-content-sha256;x-amz-date\n${bodyHash}`
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${day}/eu-test-1/s3/aws4_request\n${sha256(canonical)}`
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), "eu-test-1"), "s3"), "aws4_request")
  return createHmac("sha256", key).update(toSign).digest("hex")
}

/** A bucket that serves who signs rightly. */
const Bucket = Layer.effectDiscard(
  Effect.gen(function* () {
    const objects = new Map<string, Uint8Array>()
    yield* HttpServer.serveEffect(
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const body = new Uint8Array(yield* Effect.orDie(request.arrayBuffer))
        const authorization = request.headers["authorization"] ?? ""
        if (!authorization.endsWith(`Signature=${expected(request, sha256(body))}`)) {
          return HttpServerResponse.text("SignatureDoesNotMatch", { status: 403 })
        }
        const found = objects.get(request.url)
        if (request.method === "PUT") {
          objects.set(request.url, body)
          return HttpServerResponse.empty({ status: 200 })
        }
        if (request.method === "DELETE") {
          objects.delete(request.url)
          return HttpServerResponse.empty({ status: 204 })
        }
        if (found === undefined) return HttpServerResponse.empty({ status: 404 })
        return request.method === "HEAD" ? HttpServerResponse.empty() : HttpServerResponse.uint8Array(found)
      })
    )
  })
)

const settings = (values: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(values))

const s3With = (secretAccessKey: string) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const endpoint = HttpServer.formatAddress(address).replace("0.0.0.0", "127.0.0.1")
      return ObjectStoreLayer.layer.pipe(
        Layer.provide(
          settings({
            ...{ OBJECT_STORE: "s3", S3_ENDPOINT: endpoint, S3_BUCKET: "bucket" },
            ...{ S3_REGION: "eu-test-1", S3_ACCESS_KEY_ID: "key", S3_SECRET_ACCESS_KEY: secretAccessKey }
          })
        )
      )
    })
  ).pipe(
    Layer.provideMerge(Bucket),
    Layer.provide(NodeHttpServer.layer(createServer, { port: 0 })),
    Layer.provide([NodeServices.layer, CircuitBreaker.layerStoreMemory()])
  )

const Disk = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "mall-objects-" })
    return Layer.provide(ObjectStoreLayer.layer, settings({ MALL_DATA_DIR: folder }))
  })
).pipe(Layer.provide([NodeServices.layer, CircuitBreaker.layerStoreMemory()]))

const read = (key: ObjectKey) =>
  Effect.gen(function* () {
    const store = yield* ObjectStore
    return new Uint8Array(Buffer.concat(yield* Stream.runCollect(store.get(key))))
  })

for (const [name, store] of [
  ["a disk", Layer.orDie(Disk)],
  ["a bucket", Layer.orDie(s3With(secret))]
] as const) {
  describe(`objects on ${name}`, () => {
    layer(store, { excludeTestServices: true })((it) => {
      it.effect("are read as they were put, replaced, and gone when removed", () =>
        Effect.gen(function* () {
          const objects = yield* ObjectStore
          const key = ObjectKey.make("merchants/0198-a")
          const bytes = new Uint8Array(200_000).map((_, index) => index % 251)
          assert.isFalse(yield* objects.exists(key))
          yield* objects.put(key, bytes)
          assert.isTrue(yield* objects.exists(key))
          assert.deepStrictEqual(yield* read(key), bytes)
          yield* objects.put(key, bytes.subarray(0, 3))
          assert.deepStrictEqual(yield* read(key), bytes.slice(0, 3))
          yield* objects.remove(key)
          yield* objects.remove(key)
          assert.isFalse(yield* objects.exists(key))
          assert.strictEqual((yield* Effect.flip(read(key)))._tag, "ObjectNotFound")
        })
      )
    })
  })
}

describe("an object's key", () => {
  layer(s3With("another secret"), { excludeTestServices: true })((it) => {
    it.effect("leads out of no folder", () =>
      Effect.sync(() => {
        const isKey = Schema.is(ObjectKey)
        for (const key of ["../a", "a/../b", "/etc/passwd", "a//b", "a/", "a.b", "A", "a\\b", "a\0b", "%2e%2e", ""]) {
          assert.isFalse(isKey(key), key)
        }
      })
    )

    it.effect("of a bucket is of no use with another secret", () =>
      Effect.gen(function* () {
        const objects = yield* ObjectStore
        const refused = yield* Effect.flip(objects.put(ObjectKey.make("a"), new Uint8Array(1)))
        assert.strictEqual(refused._tag, "ObjectStoreFailed")
      })
    )
  })
})
