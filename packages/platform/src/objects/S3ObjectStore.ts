import { Config, DateTime, Duration, Effect, Layer, Redacted, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import * as Downstream from "../Downstream.ts"
import { CallFailed } from "../DownstreamError.ts"
import type { ObjectKey } from "./ObjectStore.ts"
import { ObjectNotFound, ObjectStore, ObjectStoreFailed } from "./ObjectStore.ts"
import { amzDate, sha256Hex, signRequest } from "./signRequest.ts"

const S3Config = Config.all({
  /** Such as `https://s3.eu-central-1.amazonaws.com`; the bucket is the first part of the path. */
  endpoint: Config.URL("S3_ENDPOINT"),
  bucket: Config.NonEmptyString("S3_BUCKET"),
  region: Config.String("S3_REGION").pipe(Config.withDefault("us-east-1")),
  accessKeyId: Config.NonEmptyString("S3_ACCESS_KEY_ID"),
  secretAccessKey: Config.Redacted("S3_SECRET_ACCESS_KEY")
})

type Method = "PUT" | "GET" | "HEAD" | "DELETE"

/** A bucket that speaks the API of S3. Needs the store of circuit breakers. */
export const layer = Layer.effect(
  ObjectStore,
  Effect.gen(function* () {
    const { accessKeyId, bucket, endpoint, region, secretAccessKey } = yield* S3Config
    const downstream = yield* Downstream.make("s3", { timeout: Duration.seconds(30) })
    const http = yield* HttpClient.HttpClient
    const base = endpoint.href.replace(/\/$/, "")

    const signed = Effect.fnUntraced(function* (method: Method, key: ObjectKey, bytes: Uint8Array) {
      const url = new URL(`${base}/${bucket}/${key}`)
      const bodyHash = sha256Hex(bytes)
      const headers = {
        "x-amz-date": amzDate(yield* DateTime.nowAsDate),
        "x-amz-content-sha256": bodyHash
      }
      const signer = { accessKeyId, secretAccessKey: Redacted.value(secretAccessKey), region, service: "s3" }
      const authorization = signRequest({ method, url, headers: { ...headers, host: url.host }, bodyHash }, signer)
      const request = HttpClientRequest.make(method)(url, { headers: { ...headers, authorization } })
      return method === "PUT" ? HttpClientRequest.bodyUint8Array(request, bytes, "application/octet-stream") : request
    })

    /** One signed request under the policy; none of ours is another when it is made twice. */
    const send = (method: Method, key: ObjectKey, bytes: Uint8Array = new Uint8Array()) =>
      downstream
        .call(
          signed(method, key, bytes).pipe(
            Effect.flatMap(http.execute),
            Effect.tap(({ status }) => (status === 404 ? Effect.fail(new ObjectNotFound({ key })) : Effect.void)),
            Effect.flatMap(HttpClientResponse.filterStatusOk),
            Effect.catchTag("HttpClientError", (error) => Effect.fail(CallFailed.ofHttpClientError(error)))
          ),
          { operation: method.toLowerCase(), isRepeatable: true }
        )
        .pipe(
          Effect.catchTag("DownstreamUnavailable", (cause) =>
            Effect.fail(new ObjectStoreFailed({ operation: method.toLowerCase(), cause }))
          )
        )

    const notThere = (error: ObjectNotFound) => new ObjectStoreFailed({ operation: "put", cause: error })

    return ObjectStore.of({
      // where the bucket is not there, that is a failure of the store
      put: (key, bytes) =>
        send("PUT", key, bytes).pipe(
          Effect.catchTag("ObjectNotFound", (error) => Effect.fail(notThere(error))),
          Effect.asVoid
        ),
      get: (key) =>
        Stream.unwrap(
          Effect.map(send("GET", key), ({ stream }) =>
            Stream.mapError(stream, (cause) => new ObjectStoreFailed({ operation: "get", cause }))
          )
        ),
      remove: (key) => Effect.asVoid(Effect.catchTag(send("DELETE", key), "ObjectNotFound", () => Effect.void)),
      exists: (key) =>
        send("HEAD", key).pipe(
          Effect.as(true),
          Effect.catchTag("ObjectNotFound", () => Effect.succeed(false))
        )
    })
  })
).pipe(Layer.provide(FetchHttpClient.layer))
