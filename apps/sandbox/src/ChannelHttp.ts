import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { ByteSize, DateTime, Effect, Fiber, FiberSet, Option } from "effect"
import { HttpIncomingMessage, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { ChannelRequest, ChannelRoute, Protocol, Reply, SealedAnswer } from "./Channel.ts"
import { Channels } from "./Channels.ts"
import type { RequestFault } from "./Fault.ts"
import { Faults } from "./Faults.ts"
import { RequestLedger } from "./RequestLedger.ts"
import { slowly } from "./slowly.ts"

/** Larger than any message of a payment channel. */
const largestBody = ByteSize.kibibytes(64)

/** Larger than any file that a channel takes. */
const largestFile = ByteSize.mebibytes(8)

/** How much of a file is entered in the ledger. */
const entered = 1024

interface Outcome {
  readonly verdict: string
  /** Undefined: the connection is dropped. */
  readonly answer: (SealedAnswer & { readonly status: number }) | undefined
}

/** Resets the connection, so that the client sees neither an answer nor an orderly end. */
const reset = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.sync(() => {
    NodeHttpServerRequest.toIncomingMessage(request).socket.resetAndDestroy()
    return HttpServerResponse.empty()
  })

/** The path and query of a request line, which names the host too where the request came through a proxy. */
const toOriginForm = (url: string) => url.replace(/^https?:\/\/[^/?]*/i, "")

const html = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"

const toResponse = (answer: SealedAnswer & { readonly status: number }, pause: number | undefined) => {
  const { "content-type": contentType, ...headers } = answer.headers
  const options = { status: answer.status, headers, contentType: contentType ?? "application/json" }
  if (typeof answer.body !== "string") return HttpServerResponse.uint8Array(answer.body, options)
  if (answer.body === "") return HttpServerResponse.empty({ status: answer.status, headers })
  return pause === undefined
    ? HttpServerResponse.text(answer.body, options)
    : HttpServerResponse.stream(slowly(answer.body, pause), options)
}

const makeExchange = (channel: Protocol) => {
  const sealFor = (request: ChannelRequest) => (reply: Reply, fault?: RequestFault) =>
    Effect.map(channel.seal(reply, fault?.kind === "tamper" ? fault.what : undefined, request), (sealed) => ({
      ...sealed,
      status: reply.status
    }))

  const falsify = Effect.fnUntraced(function* (
    fault: Extract<RequestFault, { readonly kind: "answer" }>,
    request: ChannelRequest,
    truth: Effect.Effect<Reply>
  ): Effect.fn.Return<Outcome> {
    const seal = sealFor(request)
    const reply = fault.when === "after" || fault.with === "half" ? yield* truth : undefined
    const verdict = reply?.verdict ?? "not processed"
    switch (fault.with) {
      case "500":
        return { verdict, answer: yield* seal(channel.refusal(500, undefined, request)) }
      case "429":
        return { verdict, answer: yield* seal(channel.refusal(429, undefined, request)) }
      case "error":
        return { verdict, answer: yield* seal(channel.refusal(fault.status ?? 400, fault.code, request)) }
      case "html":
        return {
          verdict,
          answer: { status: fault.status ?? 502, headers: { "content-type": "text/html" }, body: html }
        }
      case "empty":
        return { verdict, answer: yield* seal({ status: fault.status ?? 200, payload: undefined, verdict }) }
      case "half": {
        const sealed = yield* seal(reply ?? channel.refusal(500, undefined, request))
        return { verdict, answer: { ...sealed, body: sealed.body.slice(0, Math.floor(sealed.body.length / 2)) } }
      }
    }
  })

  /** Does the work, or does it wrong. */
  return Effect.fnUntraced(function* (
    request: ChannelRequest,
    truth: Effect.Effect<Reply>,
    fault: RequestFault | undefined
  ): Effect.fn.Return<Outcome> {
    if (fault?.kind === "answer") return yield* falsify(fault, request, truth)
    if (fault?.kind === "drop" && fault.when === "before") return { verdict: "not processed", answer: undefined }
    if (fault?.kind === "delay" && fault.when === "before") yield* Effect.sleep(fault.milliseconds)
    const reply = yield* truth
    if (fault?.kind === "drop") return { verdict: reply.verdict, answer: undefined }
    if (fault?.kind === "delay" && fault.when === "after") yield* Effect.sleep(fault.milliseconds)
    return { verdict: reply.verdict, answer: yield* sealFor(request)(reply, fault) }
  })
}

const makeHandler = Effect.gen(function* () {
  const faults = yield* Faults
  const ledger = yield* RequestLedger
  const underWay = yield* FiberSet.make()

  return (
    channel: Protocol,
    { handle, operation: named, takesFiles = false }: Pick<ChannelRoute, "handle" | "operation" | "takesFiles">
  ) => {
    const exchange = makeExchange(channel)
    const process = Effect.fnUntraced(function* (received: ChannelRequest, truth: Effect.Effect<Reply>) {
      const operation = typeof named === "function" ? named(received) : named
      const fault = yield* faults.takeForRequest(channel.id, operation)
      const { answer, verdict } = yield* exchange(received, truth, fault)
      yield* ledger.record({
        at: DateTime.formatIso(yield* DateTime.now),
        channel: channel.id,
        operation,
        method: received.method,
        target: received.target,
        request: takesFiles ? received.body.slice(0, entered) : received.body,
        verdict,
        status: answer?.status ?? null,
        answer: typeof answer?.body === "string" ? answer.body : "",
        fault: fault?.kind ?? null
      })
      return { answer, pause: fault?.kind === "slow-drip" ? fault.milliseconds : undefined }
    })

    return Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
      const text = takesFiles
        ? Effect.map(request.arrayBuffer, (bytes) => Buffer.from(bytes).toString("latin1"))
        : request.text
      const body = yield* text.pipe(
        Effect.provideService(HttpIncomingMessage.MaxBodySize, takesFiles ? largestFile : largestBody),
        Effect.option
      )
      const received: ChannelRequest = {
        method: request.method,
        target: toOriginForm(request.originalUrl),
        headers: request.headers,
        body: Option.getOrElse(body, () => ""),
        params: yield* HttpRouter.params,
        query: yield* HttpServerRequest.ParsedSearchParams
      }
      const truth = Option.isSome(body) ? handle(received) : Effect.succeed(channel.refusal(400, undefined, received))
      // a client that gives up waiting does not stop what the channel is about to do
      const work = yield* FiberSet.run(underWay, process(received, truth))
      const { answer, pause } = yield* Fiber.join(work)
      return answer === undefined ? yield* reset(request) : toResponse(answer, pause)
    })
  }
})

/** Serves it below `/<id>`, each request entered in the ledger and open to faults. */
export const serve = Effect.fnUntraced(function* (router: HttpRouter.HttpRouter, channel: Protocol) {
  const handler = yield* makeHandler
  for (const route of channel.routes) {
    yield* router.add(route.method, `/${channel.id}${route.path}`, handler(channel, route))
  }
  const unknown = (request: ChannelRequest) => Effect.succeed(channel.refusal(404, undefined, request))
  yield* router.add("*", `/${channel.id}/*`, handler(channel, { operation: "other", handle: unknown }))
})

/** Serves every channel. */
export const layer = HttpRouter.use((router) =>
  Effect.flatMap(Channels, ({ channels }) => Effect.forEach(channels, (channel) => serve(router, channel)))
)
