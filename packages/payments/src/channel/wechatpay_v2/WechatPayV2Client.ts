import type { CallFailed } from "@mall/platform/DownstreamError"
import { Duration, Effect, Option, Redacted, Schema } from "effect"
import type { Scope, Stream } from "effect"
import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import { Readable } from "node:stream"
import { Decorator } from "wechatpay-axios-plugin"
import { longestFile, openedFile } from "../billFile.ts"
import * as ChannelCalls from "../channelCalls.ts"
import { forged, noAnswer } from "../channelCalls.ts"
import type { Exchange } from "../channelCalls.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, fromNetwork } from "../channelFailure.ts"
import { fromAnswer } from "../wechatpay/wechatPayErrors.ts"
import type { WechatPayOperation } from "../wechatpay/wechatPayErrors.ts"
import type { WechatPayV2Settings } from "./WechatPayV2Config.ts"
import { isSigned } from "./wechatPayV2Signature.ts"

/** What an error of the HTTP library may show. The rest of it holds our key and must not be read, kept or logged. */
const LibraryError = Schema.Struct({
  code: Schema.optionalKey(Schema.String),
  response: Schema.optionalKey(Schema.Struct({ status: Schema.Int, data: Schema.Unknown }))
})
const decodeLibraryError = Schema.decodeUnknownOption(LibraryError)

/** An error in the platform's words, signed. What says only `return_code` `FAIL` is not, and proves nothing. */
const Refusal = Schema.Struct({
  return_code: Schema.Literal("SUCCESS"),
  err_code: Schema.String.check(Schema.isPattern(/^[A-Z0-9_]{1,64}$/))
})
const decodeRefusal = Schema.decodeUnknownOption(Refusal)
const decodeFields = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.String))

export interface WechatPayV2Client {
  /** Sends a signed document and answers with the verified one, decoded. All of them are keyed by our numbers. */
  readonly call: <A>(request: {
    readonly operation: WechatPayOperation
    readonly path: string
    readonly fields: Readonly<Record<string, string>>
    readonly answer: Schema.Codec<A, unknown>
    /** With the client certificate. */
    readonly isSecured?: boolean
  }) => Effect.Effect<A, ChannelError>
  /** Sends a signed document and answers with the bytes of a file, which the platform does not sign. */
  readonly download: (request: {
    readonly path: string
    readonly fields: Readonly<Record<string, string>>
  }) => Effect.Effect<Stream.Stream<Uint8Array, ChannelError>, ChannelError, Scope.Scope>
}

/** WeChat Pay's API v2: XML, signed by a shared key, through `wechatpay-axios-plugin`. */
export const make = Effect.fnUntraced(function* (settings: WechatPayV2Settings) {
  const calls = yield* ChannelCalls.make("wechatpay_v2", settings.timeout)
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
  const merchant = Option.getOrUndefined(
    Option.map(settings.certificate, ({ cert, key }) => ({ cert, key: Redacted.value(key) }))
  )
  const http = Decorator.xmlBased({
    mchid: settings.mchid,
    secret: Redacted.value(settings.apiKey),
    ...(merchant === undefined ? {} : { merchant })
  })
  const transport = {
    baseURL: settings.baseUrl,
    timeout: Duration.toMillis(calls.policy.timeout),
    proxy: false,
    maxRedirects: 0,
    maxContentLength: 1_048_576,
    ...agents
  }

  /** The library believes an error without looking at its signature, so that is done here. */
  const toFailure = (operation: WechatPayOperation, exchange: Exchange, cause: unknown): ChannelError | CallFailed => {
    const error = decodeLibraryError(cause)
    if (Option.isNone(error)) return noAnswer(fromNetwork("UNREADABLE_ANSWER"))
    const { code = "NETWORK", response } = error.value
    if (response !== undefined) exchange.heard({ status: response.status, body: response.data })
    if (code === "EV2_RES_SIGNATURE_NOT_EQUAL") return forged
    if (response === undefined) return noAnswer(fromNetwork(code))
    const { data, status } = response
    if (status === 429) return noAnswer(channelFailure("notSent", "HTTP_429"))
    if (status !== 200) return noAnswer(fromNetwork(`HTTP_${status}`))
    const refusal = decodeRefusal(data)
    const fields = decodeFields(data)
    if (Option.isNone(refusal) || Option.isNone(fields)) return noAnswer(fromNetwork("UNREADABLE_ANSWER"))
    if (!isSigned(fields.value, settings.apiKey)) return forged
    return fromAnswer(operation, status, refusal.value.err_code)
  }

  const documentOf = (fields: Readonly<Record<string, string>>) => ({
    appid: settings.appid,
    mch_id: settings.mchid,
    sign_type: settings.signType,
    ...fields
  })

  const send = Effect.fnUntraced(function* <A>(
    {
      answer,
      fields,
      isSecured = false,
      operation,
      path
    }: Parameters<WechatPayV2Client["call"]>[0] & { readonly answer: Schema.Codec<A, unknown> },
    exchange: Exchange
  ) {
    const document = documentOf(fields)
    const options: object = { ...transport, ...(isSecured ? { security: true } : {}) }
    exchange.sent({ method: "post", path, body: document })
    const response = yield* Effect.tryPromise({
      try: (signal) => http.post(path, document, { signal, ...options }),
      catch: (cause) => toFailure(operation, exchange, cause)
    })
    const received: unknown = response.data
    exchange.heard(received)
    return yield* Schema.decodeUnknownEffect(answer)(received).pipe(
      // A signed answer in a form we do not know: whatever it says, it has happened.
      Effect.mapError(() => noAnswer(fromNetwork("UNREADABLE_ANSWER")))
    )
  })

  const open = Effect.fnUntraced(function* (
    { fields, path }: Parameters<WechatPayV2Client["download"]>[0],
    exchange: Exchange
  ) {
    const options: object = {
      ...transport,
      responseType: "stream",
      maxContentLength: longestFile,
      timeout: 0,
      transformResponse: []
    }
    const response = yield* Effect.tryPromise({
      // the plugin would take the stream for a document and look for its signature
      try: (signal) => http.post(path, documentOf(fields), { signal, ...options }),
      catch: (cause) => toFailure("bill", exchange, cause)
    })
    const body: unknown = response.data
    return body instanceof Readable ? body : yield* noAnswer(fromNetwork("UNREADABLE_ANSWER"))
  })

  const client: WechatPayV2Client = {
    download: (request) => openedFile(calls.call("bill", (exchange) => open(request, exchange))),
    call: (request) => calls.call(request.operation, (exchange) => send(request, exchange))
  }
  return client
})
