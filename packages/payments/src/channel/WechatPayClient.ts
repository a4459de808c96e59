import { Duration, Effect, Redacted, Schema } from "effect"
import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import { Decorator } from "wechatpay-axios-plugin"
import { countSignatureFailure } from "../paymentMetrics.ts"
import type { ChannelError } from "./ChannelError.ts"
import { fromAnswer, fromNetwork } from "./wechatPayErrors.ts"
import type { WechatPayOperation } from "./wechatPayErrors.ts"
import type { WechatPaySettings } from "./WechatPayConfig.ts"

/** What an error of the HTTP library may show. The rest of it holds our private key and must not be read, kept or logged. */
const LibraryError = Schema.Struct({
  code: Schema.optionalKey(Schema.String),
  response: Schema.optionalKey(Schema.Struct({ status: Schema.Int, data: Schema.Unknown }))
})
const ErrorBody = Schema.Struct({ code: Schema.String.check(Schema.isPattern(/^[A-Z0-9_]{1,64}$/)) })

const decodeLibraryError = Schema.decodeUnknownOption(LibraryError)
const decodeErrorBody = Schema.decodeUnknownOption(ErrorBody)

/** The plugin's own codes for an answer that is not signed by the platform. */
const isForged = (code: string) => code.startsWith("EV3_RES_")

const toChannelError = (operation: WechatPayOperation, cause: unknown): ChannelError => {
  const error = decodeLibraryError(cause)
  if (error._tag === "None") return fromNetwork("NETWORK")
  const { code = "NETWORK", response } = error.value
  if (response === undefined || isForged(code)) return fromNetwork(code)
  const body = decodeErrorBody(response.data)
  return fromAnswer(operation, response.status, body._tag === "Some" ? body.value.code : undefined)
}

export interface WechatPayClient {
  /** Sends one signed request and answers with the verified body, decoded; never retries. */
  readonly call: <A>(request: {
    readonly operation: WechatPayOperation
    readonly method: "get" | "post"
    readonly path: string
    readonly body?: object
    readonly answer: Schema.Codec<A, unknown>
  }) => Effect.Effect<A, ChannelError>
}

/** WeChat Pay's API v3, signed and verified by `wechatpay-axios-plugin`: no proxy, no redirect, one time limit per call. */
export const make = Effect.fnUntraced(function* (settings: WechatPaySettings) {
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
  const client = new Decorator({
    mchid: settings.mchid,
    serial: settings.merchantSerial,
    privateKey: Redacted.value(settings.merchantPrivateKey),
    certs: { ...settings.platformKeys },
    baseURL: settings.baseUrl,
    timeout: Duration.toMillis(settings.timeout),
    proxy: false,
    maxRedirects: 0,
    maxContentLength: 1_048_576,
    ...agents
  })

  const call: WechatPayClient["call"] = Effect.fnUntraced(
    function* ({ answer, body, method, operation, path }) {
      const response = yield* Effect.tryPromise({
        try: (signal) => Promise.resolve(client.request(`v3/${path}`, method, body, { signal })),
        catch: (cause) => toChannelError(operation, cause)
      }).pipe(
        Effect.timeoutOrElse({ duration: settings.timeout, orElse: () => Effect.fail(fromNetwork("TIMEOUT")) }),
        Effect.tapErrorTag("ChannelError", ({ reason }) =>
          isForged(reason.code)
            ? Effect.andThen(
                countSignatureFailure("wechatpay"),
                Effect.logWarning("answer of the channel refused: not signed by the platform")
              )
            : Effect.void
        )
      )
      const received: unknown = response.data
      return yield* Schema.decodeUnknownEffect(answer)(received).pipe(
        // A signed answer in a form we do not know: whatever it says, it has happened.
        Effect.mapError(() => fromNetwork("UNREADABLE_ANSWER"))
      )
    },
    (effect, { operation }) =>
      effect.pipe(
        Effect.withSpan(`WechatPay.${operation}`, { kind: "client" }),
        Effect.annotateLogs({ channel: "wechatpay", operation })
      )
  )
  return { call }
})
