import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { CallFailed } from "@mall/platform/DownstreamError"
import { ByteSize, Clock, Context, Duration, Effect, Layer, Option, Ref, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpIncomingMessage } from "effect/http"
import type { HttpClientResponse } from "effect/http"
import * as ChannelCalls from "../channelCalls.ts"
import { networkCodeOf, noAnswer } from "../channelCalls.ts"
import type { Exchange } from "../channelCalls.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, fromNetwork, meaningOfStatus } from "../channelFailure.ts"
import type { PaypalSettings } from "./PaypalConfig.ts"
import { fromAnswer } from "./paypalErrors.ts"

const Token = Schema.Struct({ access_token: Schema.String, expires_in: Schema.Int })
const decodeToken = Schema.decodeUnknownEffect(Token)

const Issue = Schema.String.check(Schema.isPattern(/^[A-Z][A-Z0-9_]{1,96}$/))
const ErrorBody = Schema.Struct({
  name: Issue,
  details: Schema.optionalKey(Schema.Array(Schema.Struct({ issue: Schema.optionalKey(Issue) })))
})
const decodeError = Schema.decodeUnknownOption(ErrorBody)

/** A token is renewed so long before its end, in milliseconds. */
const margin = 60_000
const largestAnswer = ByteSize.mebibytes(1)
const unreadable = noAnswer(fromNetwork("UNREADABLE_ANSWER"))

export interface PaypalClient {
  readonly call: <A>(request: {
    readonly operation: string
    readonly method: "GET" | "POST"
    readonly path: string
    readonly body?: unknown
    /** PayPal answers a repeated one as it answered the first. */
    readonly requestId?: string
    readonly answer: Schema.Codec<A, unknown>
  }) => Effect.Effect<A, ChannelError>
  /**
   * The text at an address outside of the API: `none` where PayPal says that nothing is there, `NotAtHand` where it does not
   * answer or is not able to.
   */
  readonly fetchText: (url: string) => Effect.Effect<Option.Option<string>, NotAtHand>
}

/** A sender of a notice waits for the answer meanwhile. */
const fetchTime = Duration.seconds(3)

/** What PayPal publishes does not come now: an outage, after which it may be asked again. */
class NotAtHand extends Schema.TaggedError<NotAtHand>()("NotAtHand", { cause: Schema.Defect() }) {
  override get message() {
    return "PayPal does not hand it out now"
  }
}

/** PayPal's REST API over Effect's HTTP client. Answers are not signed: TLS says whose they are. */
export const make = Effect.fnUntraced(function* (settings: PaypalSettings) {
  const calls = yield* ChannelCalls.make("paypal", settings.timeout)
  const http = Context.get(yield* Layer.build(NodeHttpClient.layerNodeHttp), HttpClient.HttpClient)
  const token = yield* Ref.make(Option.none<{ readonly value: string; readonly until: number }>())
  const address = (path: string) => new URL(path, settings.baseUrl).href

  const exchange = (request: HttpClientRequest.HttpClientRequest) =>
    http.execute(request).pipe(
      // the channel knows nothing of our traces
      Effect.provideService(HttpClient.TracerPropagationEnabled, false),
      Effect.mapError((error) => noAnswer(fromNetwork(networkCodeOf(error))))
    )

  const jsonOf = (response: HttpClientResponse.HttpClientResponse) =>
    response.json.pipe(
      Effect.provideService(HttpIncomingMessage.MaxBodySize, largestAnswer),
      Effect.mapError((): CallFailed => unreadable)
    )

  /** What an answer says; an error in PayPal's words is an answer as well. */
  const read = Effect.fnUntraced(function* (
    response: HttpClientResponse.HttpClientResponse,
    record: Exchange
  ): Effect.fn.Return<unknown, ChannelError | CallFailed> {
    const { status } = response
    if (status >= 200 && status < 300) {
      return yield* Effect.tap(jsonOf(response), (body) => Effect.sync(() => record.heard(body)))
    }
    const body = yield* Effect.option(jsonOf(response))
    record.heard({ status, body: Option.getOrUndefined(body) })
    const error = Option.flatMap(body, decodeError)
    if (Option.isNone(error)) {
      return yield* noAnswer(status === 429 ? channelFailure("notSent", "HTTP_429") : fromNetwork(`HTTP_${status}`))
    }
    const failure = fromAnswer(status, error.value.details?.[0]?.issue ?? error.value.name)
    return yield* status >= 500 || status === 429 ? noAnswer(failure) : failure
  })

  const authenticate = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const kept = yield* Ref.get(token)
    if (Option.isSome(kept) && kept.value.until > now) return kept.value.value
    const response = yield* HttpClientRequest.post(address("v1/oauth2/token")).pipe(
      HttpClientRequest.basicAuth(settings.clientId, settings.clientSecret),
      HttpClientRequest.bodyUrlParams({ grant_type: "client_credentials" }),
      exchange,
      // without a token nothing can have been done
      Effect.mapError(() => noAnswer(channelFailure("notSent", "NO_TOKEN")))
    )
    if (response.status === 401) return yield* channelFailure("refused", "CLIENT_AUTHENTICATION_FAILED")
    const granted = yield* jsonOf(response).pipe(
      Effect.flatMap(decodeToken),
      Effect.mapError(() => noAnswer(channelFailure("notSent", "NO_TOKEN")))
    )
    yield* Ref.set(token, Option.some({ value: granted.access_token, until: now + granted.expires_in * 1000 - margin }))
    return granted.access_token
  })

  const send = Effect.fnUntraced(function* (
    request: {
      readonly method: "GET" | "POST"
      readonly path: string
      readonly body?: unknown
      readonly requestId?: string
    },
    record: Exchange
  ): Effect.fn.Return<unknown, ChannelError | CallFailed> {
    record.sent(request)
    const once = Effect.fnUntraced(function* () {
      const bearer = yield* authenticate
      return yield* HttpClientRequest.make(request.method)(address(request.path)).pipe(
        HttpClientRequest.bearerToken(bearer),
        HttpClientRequest.setHeaders({
          accept: "application/json",
          prefer: "return=representation",
          ...(request.requestId === undefined ? {} : { "paypal-request-id": request.requestId })
        }),
        (made) => (request.body === undefined ? made : HttpClientRequest.bodyJsonUnsafe(made, request.body)),
        exchange
      )
    })
    const response = yield* once()
    if (response.status !== 401) return yield* read(response, record)
    // the token was taken back before its time
    yield* Ref.set(token, Option.none())
    return yield* Effect.flatMap(once(), (again) => read(again, record))
  })

  const client: PaypalClient = {
    call: ({ answer, operation, ...request }) =>
      calls.call(operation, (record) =>
        Effect.flatMap(send(request, record), (received) =>
          Schema.decodeUnknownEffect(answer)(received).pipe(Effect.mapError(() => unreadable))
        )
      ),
    fetchText: (url) =>
      http.get(url).pipe(
        Effect.flatMap((response): Effect.Effect<Option.Option<string>, unknown> => {
          if (response.status >= 200 && response.status < 300) return Effect.asSome(response.text)
          return meaningOfStatus(response.status) === "refused"
            ? Effect.succeedNone
            : Effect.fail(channelFailure("notSent", String(response.status)))
        }),
        Effect.timeout(fetchTime),
        Effect.mapError((cause) => new NotAtHand({ cause })),
        Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.kibibytes(64)),
        Effect.provideService(HttpClient.TracerPropagationEnabled, false)
      )
  }
  return client
})
