import { Duration, Effect, Redacted, Schema } from "effect"
import { AsyncLocalStorage } from "node:async_hooks"
import { Stripe } from "stripe"
import * as ChannelCalls from "../channelCalls.ts"
import { noAnswer } from "../channelCalls.ts"
import type { Exchange } from "../channelCalls.ts"
import type { ChannelError } from "../ChannelError.ts"
import { fromNetwork } from "../channelFailure.ts"
import type { StripeSettings } from "./StripeConfig.ts"
import { toFailure } from "./stripeErrors.ts"

export interface StripeClient {
  /** Answers with what the library received, decoded. Stripe signs no answers: TLS says whose they are. */
  readonly call: <A>(
    operation: string,
    send: (stripe: Stripe) => Promise<unknown>,
    answer: Schema.Codec<A, unknown>
  ) => Effect.Effect<A, ChannelError>
  /** The event in a body that Stripe signed; throws where it did not. Does not look at the time. */
  readonly verify: (body: Uint8Array, signature: string) => unknown
}

/** A form by its fields; of a file, nothing. */
const formOf = (body: unknown) =>
  typeof body === "string" ? Object.fromEntries(new URLSearchParams(body)) : body === undefined ? undefined : "<file>"

/** Pinned: the objects that we read are those of this version. */
const apiVersion = "2026-10-28.endive"

const apiHost = "api.stripe.com"
const filesHost = "files.stripe.com"

/** Stripe's API through its own library: no retries, no telemetry, one version, under one policy. */
export const make = Effect.fnUntraced(function* (settings: StripeSettings) {
  const calls = yield* ChannelCalls.make("stripe", settings.timeout)
  const url = new URL(settings.baseUrl)
  const prefix = url.pathname.replace(/\/$/, "")
  // what the library sends is seen only where it sends it
  const exchanges = new AsyncLocalStorage<Exchange>()
  // The library knows no path below its host, where the stand-in of this machine is.
  const http = Stripe.createFetchHttpClient((input: RequestInfo | URL, init?: RequestInit) => {
    const target = new URL(input instanceof Request ? input.url : input)
    const { body, method } = init ?? {}
    exchanges.getStore()?.sent({ method, path: `${target.pathname}${target.search}`, body: formOf(body) })
    // files have a host of their own, which only the real Stripe has
    const base = target.hostname === filesHost && url.hostname !== apiHost ? url : target
    return fetch(new URL(`${prefix}${target.pathname}${target.search}`, base), { ...init, redirect: "error" })
  })
  const stripe = new Stripe(Redacted.value(settings.secretKey), {
    apiVersion,
    host: url.hostname,
    port: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port,
    protocol: url.protocol === "https:" ? "https" : "http",
    maxNetworkRetries: 0,
    telemetry: false,
    timeout: Duration.toMillis(calls.policy.timeout),
    httpClient: http
  })

  const client: StripeClient = {
    call: (operation, send, answer) =>
      calls.call(operation, (exchange) =>
        Effect.tryPromise({
          try: () => exchanges.run(exchange, () => send(stripe)),
          catch: (cause) => {
            if (cause instanceof Stripe.errors.StripeError) {
              exchange.heard({ status: cause.statusCode, body: cause.raw })
            }
            return toFailure(cause)
          }
        }).pipe(
          Effect.tap((received) => Effect.sync(() => exchange.heard(received))),
          Effect.flatMap((received) =>
            Schema.decodeUnknownEffect(answer)(received).pipe(
              Effect.mapError(() => noAnswer(fromNetwork("UNREADABLE_ANSWER")))
            )
          )
        )
      ),
    // 0: the time is compared by our own clock, in both directions
    verify: (body, signature) =>
      stripe.webhooks.constructEvent(Buffer.from(body), signature, Redacted.value(settings.webhookSecret), 0)
  }
  return client
})
