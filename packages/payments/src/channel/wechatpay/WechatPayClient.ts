import type { CallFailed } from "@mall/platform/DownstreamError"
import { Duration, Effect, Option, Redacted, Schema } from "effect"
import type { Scope, Stream } from "effect"
import type { KeyObject } from "node:crypto"
import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import { Readable } from "node:stream"
import { Decorator } from "wechatpay-axios-plugin"
import { longestFile, openedFile } from "../billFile.ts"
import * as ChannelCalls from "../channelCalls.ts"
import { forged, noAnswer } from "../channelCalls.ts"
import type { Exchange } from "../channelCalls.ts"
import type { ChannelError } from "../ChannelError.ts"
import { fromNetwork } from "../channelFailure.ts"
import { CallSubject } from "../../log/CallSubject.ts"
import { readCertificates } from "./platformCertificates.ts"
import * as PlatformKeys from "./PlatformKeys.ts"
import { fromAnswer } from "./wechatPayErrors.ts"
import type { WechatPayOperation } from "./wechatPayErrors.ts"
import type { WechatPaySettings } from "./WechatPayConfig.ts"

/** What an error of the HTTP library may show. The rest of it holds our private key and must not be read, kept or logged. */
const LibraryError = Schema.Struct({
  code: Schema.optionalKey(Schema.String),
  response: Schema.optionalKey(Schema.Struct({ status: Schema.Int, data: Schema.Unknown }))
})
const ErrorBody = Schema.Struct({ code: Schema.String.check(Schema.isPattern(/^[A-Z0-9_]{1,64}$/)) })

/** An answer that the library did not look into. Header names are in lower case. */
const RawAnswer = Schema.Struct({
  data: Schema.Uint8Array,
  headers: Schema.Record(Schema.String, Schema.Unknown)
})

const decodeLibraryError = Schema.decodeUnknownOption(LibraryError)
const decodeRawAnswer = Schema.decodeUnknownEffect(RawAnswer)
const decodeErrorBody = Schema.decodeUnknownOption(ErrorBody)

/** The plugin's own codes for an answer that is not signed by the platform. */
const isForged = (code: string) => code.startsWith("EV3_RES_")

/** What one attempt came to: an answer of the channel, or none that counts, which the policy for downstreams acts on. */
const toFailure = (operation: WechatPayOperation, exchange: Exchange, cause: unknown): ChannelError | CallFailed => {
  const error = decodeLibraryError(cause)
  if (Option.isNone(error)) return noAnswer(fromNetwork("NETWORK"))
  const { code = "NETWORK", response } = error.value
  if (response !== undefined) exchange.heard({ status: response.status, body: response.data })
  if (isForged(code)) return forged
  if (response === undefined) return noAnswer(fromNetwork(code))
  const body = decodeErrorBody(response.data)
  const answer = fromAnswer(operation, response.status, Option.isSome(body) ? body.value.code : undefined)
  return response.status >= 500 || Option.isNone(body) ? noAnswer(answer) : answer
}

/** The plugin's code where an answer is signed by a key that it was not given. */
const unknownSerial = "EV3_RES_HEADER_PLATFORM_SERIAL"
const isUnknownSerial = (cause: unknown) =>
  Option.exists(decodeLibraryError(cause), ({ code }) => code === unknownSerial)

/** The plugin wants a key to verify with; by this one nothing is. */
const noKeys = { none: "" }

export interface WechatPayClient {
  readonly keys: PlatformKeys.PlatformKeys
  /**
   * Sends a signed request and answers with the verified body, decoded. All of them are keyed by our numbers, so an attempt
   * without an answer is repeated by the policy of the downstream `wechatpay`.
   */
  readonly call: <A>(request: {
    readonly operation: WechatPayOperation
    readonly method: "get" | "post"
    readonly path: string
    readonly body?: object
    readonly answer: Schema.Codec<A, unknown>
  }) => Effect.Effect<A, ChannelError>
  /**
   * The bytes of a file at the same host, which WeChat Pay does not sign: what they are was said by the answer that named it.
   * The path is without the base's.
   */
  readonly download: (file: {
    readonly path: string
    readonly query: Readonly<Record<string, string>>
  }) => Effect.Effect<Stream.Stream<Uint8Array, ChannelError>, ChannelError, Scope.Scope>
}

/** WeChat Pay's API v3, signed and verified by `wechatpay-axios-plugin`: no proxy, no redirect, under one policy. */
export const make = Effect.fnUntraced(function* (settings: WechatPaySettings) {
  const calls = yield* ChannelCalls.make("wechatpay", settings.timeout)
  const agents = yield* Effect.acquireRelease(
    Effect.sync(() => ({
      httpAgent: new HttpAgent({ keepAlive: true, maxSockets: 64 }),
      httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets: 64 })
    })),
    ({ httpAgent, httpsAgent }) =>
      Effect.sync(() => {
        httpAgent.destroy()
        httpsAgent.destroy()
      })
  )
  const clientOf = (certs: Readonly<Record<string, string | KeyObject>>) =>
    new Decorator({
      mchid: settings.mchid,
      serial: settings.merchantSerial,
      privateKey: Redacted.value(settings.merchantPrivateKey),
      certs: { ...certs },
      baseURL: settings.baseUrl,
      timeout: Duration.toMillis(calls.policy.timeout),
      proxy: false,
      maxRedirects: 0,
      maxContentLength: 1_048_576,
      ...agents
    })

  const makeFetch = Effect.gen(function* () {
    // calls wait for a fetch of certificates, which must not wait for a place among them
    const { call } = yield* ChannelCalls.make("wechatpay", settings.timeout)
    const unverified = clientOf(noKeys)
    return (known: ReadonlyMap<string, KeyObject>) =>
      call(
        "certificates",
        Effect.fnUntraced(function* (exchange) {
          const response = yield* Effect.tryPromise({
            try: (signal) =>
              Promise.resolve(
                unverified.request("v3/certificates", "get", undefined, {
                  signal,
                  responseType: "arraybuffer",
                  transformResponse: (bytes: unknown) => bytes
                })
              ),
            catch: (cause) => toFailure("certificates", exchange, cause)
          })
          const { data, headers } = yield* decodeRawAnswer(response).pipe(
            Effect.mapError(() => noAnswer(fromNetwork("UNREADABLE_ANSWER")))
          )
          return yield* readCertificates({ body: data, headers }, known, settings).pipe(Effect.mapError(() => forged))
        })
        // it is about no payment, whoever needed it first
      ).pipe(Effect.provideService(CallSubject, undefined))
  })

  const keys =
    Object.keys(settings.platformKeys).length > 0
      ? PlatformKeys.entered(settings.platformKeys)
      : yield* PlatformKeys.fetched(yield* makeFetch, {
          pause: settings.certificatePause,
          refresh: settings.certificateRefresh,
          trust: settings.certificateTrust
        })

  let current: { readonly known: ReadonlyMap<string, KeyObject>; readonly client: Decorator } | undefined
  const clientFor = (known: ReadonlyMap<string, KeyObject>) => {
    if (current?.known !== known) current = { known, client: clientOf(Object.fromEntries(known)) }
    return current.client
  }

  const send = Effect.fnUntraced(function* <A>(
    {
      answer,
      body,
      method,
      operation,
      path
    }: Parameters<WechatPayClient["call"]>[0] & { readonly answer: Schema.Codec<A, unknown> },
    exchange: Exchange
  ) {
    const client = clientFor(yield* keys.known)
    exchange.sent({ method, path: `v3/${path}`, body })
    const response = yield* Effect.tryPromise({
      try: (signal) => Promise.resolve(client.request(`v3/${path}`, method, body, { signal })),
      catch: (cause) => ({ isByUnknownKey: isUnknownSerial(cause), failure: toFailure(operation, exchange, cause) })
    }).pipe(
      Effect.catch(({ failure, isByUnknownKey }) =>
        Effect.flatMap(isByUnknownKey ? keys.renewed : Effect.succeed(false), (isRenewed) =>
          // what a new key of the platform has signed is asked for again, and then understood
          Effect.fail(isRenewed ? noAnswer(fromNetwork("ANSWER_BY_NEW_KEY")) : failure)
        )
      )
    )
    const received: unknown = response.data
    exchange.heard(received)
    return yield* Schema.decodeUnknownEffect(answer)(received).pipe(
      // A signed answer in a form we do not know: whatever it says, it has happened.
      Effect.mapError(() => noAnswer(fromNetwork("UNREADABLE_ANSWER")))
    )
  })

  const call: WechatPayClient["call"] = (request) =>
    Effect.andThen(
      // where there is no key to verify an answer with, nothing is sent
      keys.known,
      calls.call(request.operation, (exchange) => send(request, exchange))
    )

  const open = Effect.fnUntraced(function* (
    { path, query }: Parameters<WechatPayClient["download"]>[0],
    exchange: Exchange
  ) {
    const client = clientFor(yield* keys.known)
    const response = yield* Effect.tryPromise({
      try: (signal) =>
        Promise.resolve(
          // the plugin knows by the bare path that a file is not signed
          client.request(path, "get", undefined, {
            signal,
            params: query,
            responseType: "stream",
            maxContentLength: longestFile,
            timeout: 0
          })
        ),
      catch: (cause) => toFailure("bill", exchange, cause)
    })
    const body: unknown = response.data
    return body instanceof Readable ? body : yield* noAnswer(fromNetwork("UNREADABLE_ANSWER"))
  })

  const download: WechatPayClient["download"] = (file) =>
    openedFile(calls.call("billFile", (exchange) => open(file, exchange)))
  return { call, download, keys }
})
