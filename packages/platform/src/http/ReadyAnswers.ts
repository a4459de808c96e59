import type { UserId } from "@mall/domain/identity/CurrentUser"
import { RateLimit } from "@mall/domain/kernel/RateLimit"
import { Context, Effect, Layer } from "effect"
import type { HttpServerResponse } from "effect/http"
import { AnonymousRoutes } from "./AnonymousRoutes.ts"
import type { IncomingMessage, ServerResponse } from "node:http"

/** What an endpoint would answer, known before it is asked. The body is bytes or text, and the status 200. */
export interface ReadyAnswer {
  readonly response: HttpServerResponse.HttpServerResponse
  /** Who asks, where the answer is for them alone: their limit is taken. */
  readonly userId: UserId | undefined
}

/** Parts of the target as they stand there: the last one of its path, and all after the question mark (maybe nothing). */
export interface Target {
  readonly last: string
  readonly query: string
}

/** Looks for the answer to `request`. Never waits longer than the endpoint would. */
export type Find = (request: IncomingMessage, target: Target) => Effect.Effect<ReadyAnswer | undefined>

/** What is asked of an endpoint of `HttpApi`. */
interface Endpoint {
  readonly method: string
  readonly path: string
  readonly annotations: Context.Context<never>
}

export interface ReadyEndpoint {
  /** The template of the endpoint's path, as metrics and the log name it. */
  readonly route: string
  readonly find: Find
}

/** The way of a request whose answer is ready, or of every other one: `otherwise`. */
export type Serve = (request: IncomingMessage, response: ServerResponse, otherwise: () => void) => void

/**
 * Endpoints that mostly answer with bytes which this process already has: they are sent without a route, a decoder and a
 * middleware in between. The edge lets such a request in, limits, counts and logs it as any other, and hands it to the
 * endpoint itself wherever the answer is not at hand: so an endpoint never answers otherwise here than there.
 */
export class ReadyAnswers extends Context.Service<
  ReadyAnswers,
  {
    /**
     * `endpoint` is a GET whose path has at most one parameter, at its end, and no limit of its own. `find` itself checks who
     * asks and what they may: an answer that is for a caller must not be found for another.
     */
    add(endpoint: Endpoint, find: Find): void
    of(path: string): ReadyEndpoint | undefined
    /** Set by the edge once it serves. */
    serve: Serve
  }
>()("@mall/platform/http/ReadyAnswers") {
  static readonly layer = Layer.effect(
    ReadyAnswers,
    Effect.map(AnonymousRoutes, ({ isClosed }) => make(isClosed))
  )
}

const make = (isClosed: (way: string) => boolean) => {
  const endpoints = new Map<string, ReadyEndpoint>()
  return ReadyAnswers.of({
    add: ({ annotations, method, path }, find) => {
      const parameter = path.indexOf(":")
      if (method !== "GET" || Context.get(annotations, RateLimit) !== undefined) {
        throw new Error(`${method} ${path} cannot have ready answers`)
      }
      if (parameter !== -1 && parameter !== path.lastIndexOf("/") + 1) {
        throw new Error(`${path} has parameters before its end`)
      }
      // what is there for everybody is not for who has to sign in first: the endpoint asks them
      if (isClosed(`${method} ${path}`)) return
      endpoints.set(parameter === -1 ? path : path.slice(0, parameter), { route: path, find })
    },
    of: (path) => endpoints.get(path) ?? endpoints.get(path.slice(0, path.lastIndexOf("/") + 1)),
    serve: (_request, _response, otherwise) => otherwise()
  })
}
