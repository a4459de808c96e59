import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Duration, Effect, Layer } from "effect"
import type { Config } from "effect"
import { IncomingMessage, Server, ServerResponse } from "node:http"
import type { ServerOptions } from "node:http"
import { Server as TlsServer } from "node:https"
import type { ServerOptions as TlsServerOptions } from "node:https"
import type { Socket } from "node:net"
import { makeTraceId } from "../telemetry/traceContext.ts"
import { ServerConfig } from "./EdgeConfig.ts"
import { EdgeResponse } from "./EdgeResponse.ts"
import { ReadyAnswers } from "./ReadyAnswers.ts"
import * as Tls from "./Tls.ts"

const refusals: Record<string, readonly [status: number, code: string, title: string]> = {
  HPE_HEADER_OVERFLOW: [431, "HeadersTooLarge", "The headers are too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "PayloadTooLarge", "The request body is too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "RequestTimeout", "The request took too long to arrive"]
}
const malformed = [400, "MalformedRequest", "This is not a well-formed HTTP request"] as const

const isOfHandshake = (code: string | undefined) => /^ERR_(?:SSL|TLS)_/.test(code ?? "")

/**
 * Answers what never became a request: Node could not parse it, or it did not arrive in time. Who failed at the handshake of
 * TLS, as one who speaks plain HTTP there, understands no answer.
 */
const refuse = (error: NodeJS.ErrnoException, socket: Socket) => {
  if (error.code === "ECONNRESET" || isOfHandshake(error.code) || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, code, title] = refusals[error.code ?? ""] ?? malformed
  const traceId = makeTraceId()
  const body = `{"type":"urn:mall:problem:${code}","title":"${title}","status":${status},"code":"${code}","traceId":"${traceId}"}`
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\nX-Trace-Id: ${traceId}\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  )
}

/** Emits `event`, but a request only where `ready` has no answer to it. */
const emitUnready = (
  ready: ReadyAnswers["Service"],
  event: string,
  args: ReadonlyArray<unknown>,
  emit: (...args: ReadonlyArray<unknown>) => boolean
) => {
  const [request, response] = args
  if (event !== "request" || !(request instanceof IncomingMessage) || !(response instanceof ServerResponse)) {
    return emit(...args)
  }
  ready.serve(request, response, () => emit(request, response))
  return true
}

/** Node's server, in which a request goes to `ReadyAnswers` before it goes to those who listen for it. */
class EdgeServer extends Server {
  private readonly ready: ReadyAnswers["Service"]

  constructor(options: ServerOptions, ready: ReadyAnswers["Service"]) {
    super(options)
    this.ready = ready
  }

  override emit(event: string, ...args: ReadonlyArray<unknown>): boolean {
    return emitUnready(this.ready, event, args, (...all) => super.emit(event, ...all))
  }
}

/** The same over TLS. */
class TlsEdgeServer extends TlsServer {
  private readonly ready: ReadyAnswers["Service"]

  constructor(options: TlsServerOptions, ready: ReadyAnswers["Service"]) {
    super(options)
    this.ready = ready
    // Node knows no other way to ask for a certificate and still let in who has none: a bad one is refused here.
    this.prependListener("secureConnection", (socket) => {
      if (!socket.authorized && socket.getPeerX509Certificate() !== undefined) socket.destroy()
    })
  }

  override emit(event: string, ...args: ReadonlyArray<unknown>): boolean {
    return emitUnready(this.ready, event, args, (...all) => super.emit(event, ...all))
  }
}

/** `EdgeServer` with `EdgeResponse`, limits on slow and huge requests, and an answer to those it cannot parse. */
const makeServer = (
  config: Config.Success<typeof ServerConfig>,
  ready: ReadyAnswers["Service"],
  tls: Tls.Options | undefined
) => {
  const options = {
    ServerResponse: EdgeResponse,
    headersTimeout: Duration.toMillis(config.headersTimeout),
    requestTimeout: Duration.toMillis(config.requestTimeout),
    keepAliveTimeout: Duration.toMillis(config.keepAliveTimeout),
    connectionsCheckingInterval: 1000,
    maxHeaderSize: config.maxHeaderSize,
    noDelay: true
  }
  const server =
    tls === undefined
      ? new EdgeServer(options, ready)
      : new TlsEdgeServer({ ...options, ...tls, handshakeTimeout: options.headersTimeout }, ready)
  server.maxConnections = config.maxConnections
  server.on("clientError", refuse)
  return server
}

/** `EdgeResponse` writes at the end of the turn; the last answers must leave before their connections are cut. */
const answersWritten = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/**
 * The server of this process, on `HOST` and `PORT`, over TLS where `TLS_CERT_FILE` is set. When its scope closes it takes no new connection, waits `DRAIN_TIMEOUT`
 * for the requests in flight, interrupts the rest and cuts what connections are left.
 */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const config = yield* ServerConfig
    const tls = yield* Tls.load
    const server = makeServer(config, yield* ReadyAnswers, tls?.options)
    const renewed =
      tls !== undefined && server instanceof TlsEdgeServer ? Layer.effectDiscard(tls.keepFresh(server)) : Layer.empty
    const cutConnections = Layer.effectDiscard(
      Effect.addFinalizer(() =>
        Effect.andThen(
          answersWritten,
          Effect.sync(() => server.closeAllConnections())
        )
      )
    )
    return Layer.merge(cutConnections, renewed).pipe(
      Layer.provideMerge(
        NodeHttpServer.layer(() => server, {
          port: config.port,
          host: config.host,
          gracefulShutdownTimeout: config.drainTimeout
        })
      )
    )
  })
).pipe(Layer.provideMerge(ReadyAnswers.layer))
