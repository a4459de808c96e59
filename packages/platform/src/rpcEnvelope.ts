import { InvalidRequest } from "@mall/domain/kernel/EdgeError"
import { Context, Effect, Exit, Fiber, Option, Result, Schema } from "effect"
import type { HttpServerResponse } from "effect/http"
import type { RpcSerialization } from "effect/rpc"
import { malformed, shapeIssuesOf, toResponse } from "./http/problems.ts"

const CallId = Schema.Union([Schema.String, Schema.Finite])

/** What a body may hold: calls, and what clients say about calls. The payload is looked at once the call is known. */
const Envelope = Schema.Union([
  Schema.Struct({
    _tag: Schema.tag("Request"),
    id: CallId,
    tag: Schema.String,
    headers: Schema.Array(Schema.Tuple([Schema.String, Schema.String])),
    isNotification: Schema.optionalKey(Schema.Literal(true)),
    discard: Schema.optionalKey(Schema.Literal(true)),
    traceId: Schema.optionalKey(Schema.String),
    spanId: Schema.optionalKey(Schema.String),
    sampled: Schema.optionalKey(Schema.Boolean)
  }),
  Schema.Struct({ _tag: Schema.Literals(["Ack", "Interrupt"]), requestId: CallId }),
  Schema.Struct({ _tag: Schema.Literals(["Ping", "Eof"]) })
])

const decode = Schema.decodeUnknownExit(Schema.NonEmptyArray(Envelope))

/** Where the request that this fiber serves is refused, if it is. */
const CurrentRefusal = Context.Reference<{ problem: InvalidRequest | undefined } | undefined>(
  "@mall/platform/rpcEnvelope/CurrentRefusal",
  { defaultValue: () => undefined }
)

const refusalOf = (messages: Result.Result<ReadonlyArray<unknown>, unknown>): InvalidRequest | undefined => {
  if (Result.isFailure(messages)) return malformed("body", "Each line is a call in JSON")
  if (messages.success.length === 0) return malformed("body", "There is no call")
  const error = Exit.findErrorOption(decode(messages.success))
  return Option.isNone(error) ? undefined : new InvalidRequest({ errors: shapeIssuesOf("body", error.value.issue) })
}

/** The same serialization, which reads nothing of a body that is not made of calls, and says so in the `CurrentRefusal`. */
export const strict = (serialization: RpcSerialization.RpcSerialization["Service"]): typeof serialization => ({
  ...serialization,
  makeUnsafe: () => {
    const parser = serialization.makeUnsafe()
    return {
      encode: parser.encode,
      decode: (data) => {
        // a body is whole: its last line needs no end
        const messages = Result.try(() => parser.decode(typeof data === "string" ? `${data}\n` : data))
        const problem = refusalOf(messages)
        const refusal = Fiber.getCurrent()?.getRef(CurrentRefusal)
        if (problem !== undefined && refusal !== undefined) refusal.problem = problem
        return problem === undefined && Result.isSuccess(messages) ? messages.success : []
      }
    }
  }
})

/** Answers as `serve` does, whose serialization is `strict`, or with 400 where the body was refused. */
export const refusing = Effect.fnUntraced(function* <E, R>(
  serve: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
) {
  const refusal: { problem: InvalidRequest | undefined } = { problem: undefined }
  const response = yield* Effect.provideService(serve, CurrentRefusal, refusal)
  return refusal.problem === undefined ? response : yield* toResponse(refusal.problem)
})
