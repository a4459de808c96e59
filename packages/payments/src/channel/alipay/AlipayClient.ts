import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type { CallFailed } from "@mall/platform/DownstreamError"
import { AlipayRequestError, AlipaySdk } from "alipay-sdk"
import { Context, Duration, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { HttpClient } from "effect/http"
import { boundedFile } from "../billFile.ts"
import * as ChannelCalls from "../channelCalls.ts"
import { forged, networkCodeOf, noAnswer } from "../channelCalls.ts"
import type { Exchange } from "../channelCalls.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, fromNetwork } from "../channelFailure.ts"
import type { AlipaySettings } from "./AlipayConfig.ts"
import { fromAnswer } from "./alipayErrors.ts"
import type { AlipayOperation } from "./alipayErrors.ts"

const Verdict = Schema.Struct({
  code: Schema.String.check(Schema.isPattern(/^\d{5}$/)),
  subCode: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[\w.-]{1,96}$/)))
})
const decodeVerdict = Schema.decodeUnknownEffect(Verdict)

const success = "10000"

/** Base64 as a machine writes it: Node reads over what does not belong there, so that a damaged one would pass. */
const isCanonical = (base64: string) => Buffer.from(base64, "base64").toString("base64") === base64

/** The library tells its failures apart by their sentences only. What it threw may hold the request and is not kept. */
const toFailure = (cause: unknown): CallFailed => {
  if (!(cause instanceof AlipayRequestError)) return forged
  if (cause.message.startsWith("验签失败")) return forged
  if (cause.message.startsWith("HttpClient Request error")) return noAnswer(fromNetwork(networkCodeOf(cause.cause)))
  const status = /status: (\d{3})/.exec(cause.message)?.[1]
  if (status === "429") return noAnswer(channelFailure("notSent", "HTTP_429"))
  return noAnswer(fromNetwork(status === undefined ? "UNREADABLE_ANSWER" : `HTTP_${status}`))
}

export interface AlipayClient {
  /** Sends a signed request to the gateway and answers with the verified response, decoded (names in camel case). */
  readonly call: <A>(request: {
    readonly operation: AlipayOperation
    readonly method: string
    readonly bizContent: Readonly<Record<string, string>>
    readonly notifyUrl?: string
    readonly answer: Schema.Codec<A, unknown>
  }) => Effect.Effect<A, ChannelError>
  /** The bytes of a file at an address that an answer named. */
  readonly download: (url: string) => Effect.Effect<Stream.Stream<Uint8Array, ChannelError>, ChannelError>
  /** The address that a buyer's browser goes to; nothing is sent. */
  readonly pageUrl: (method: string, parameters: Readonly<Record<string, unknown>>) => string
  /** Whether Alipay signed this notice. */
  readonly isGenuine: (notice: Readonly<Record<string, string>>) => boolean
}

/** Alipay's gateway, signed and verified (RSA2) by `alipay-sdk`. */
export const make = Effect.fnUntraced(function* (settings: AlipaySettings) {
  const calls = yield* ChannelCalls.make("alipay", settings.timeout)
  const http = Context.get(yield* Layer.build(NodeHttpClient.layerNodeHttp), HttpClient.HttpClient)
  const sdk = new AlipaySdk({
    appId: settings.appId,
    privateKey: Redacted.value(settings.privateKey),
    keyType: "PKCS8",
    alipayPublicKey: settings.alipayPublicKey,
    signType: "RSA2",
    gateway: settings.gateway,
    timeout: Duration.toMillis(calls.policy.timeout)
  })

  const send = Effect.fnUntraced(function* <A>(
    {
      answer,
      bizContent,
      method,
      notifyUrl,
      operation
    }: Parameters<AlipayClient["call"]>[0] & { readonly answer: Schema.Codec<A, unknown> },
    exchange: Exchange
  ) {
    exchange.sent({ method, bizContent, notifyUrl })
    const received: unknown = yield* Effect.tryPromise({
      // without `validateSign` the library believes any answer
      try: () =>
        sdk.exec(method, { bizContent, ...(notifyUrl === undefined ? {} : { notifyUrl }) }, { validateSign: true }),
      catch: toFailure
    })
    exchange.heard(received)
    const unreadable = noAnswer(fromNetwork("UNREADABLE_ANSWER"))
    const { code, subCode } = yield* decodeVerdict(received).pipe(Effect.mapError(() => unreadable))
    if (code !== success) {
      const failure = fromAnswer(operation, code, subCode)
      return yield* code === "20000" ? noAnswer(failure) : failure
    }
    return yield* Schema.decodeUnknownEffect(answer)(received).pipe(Effect.mapError(() => unreadable))
  })

  const open = Effect.fnUntraced(function* (url: string) {
    const response = yield* http.get(url).pipe(
      // the channel knows nothing of our traces
      Effect.provideService(HttpClient.TracerPropagationEnabled, false),
      Effect.mapError((error) => noAnswer(fromNetwork(networkCodeOf(error))))
    )
    return response.status === 200 ? response : yield* noAnswer(fromNetwork(`HTTP_${response.status}`))
  })

  const client: AlipayClient = {
    download: (url) =>
      calls
        .call("billFile", () => open(url))
        .pipe(Effect.map(({ stream }) => boundedFile(Stream.mapError(stream, () => fromNetwork("FILE_BROKEN_OFF"))))),
    call: (request) => calls.call(request.operation, (exchange) => send(request, exchange)),
    pageUrl: (method, parameters) => sdk.pageExecute(method, "GET", parameters),
    isGenuine: (notice) =>
      notice["sign_type"] === "RSA2" && isCanonical(notice["sign"] ?? "") && sdk.checkNotifySignV2(notice)
  }
  return client
})
