import { InvalidRequest, UnknownRpc } from "@mall/domain/kernel/EdgeError"
import { Context, Effect, Exit, Layer, Option, Schema } from "effect"
import { HttpRouter } from "effect/http"
import { Rpc, RpcSerialization, RpcServer } from "effect/rpc"
import type { RpcGroup } from "effect/rpc"
import { shapeIssuesOf } from "./http/problems.ts"
import { refusing, strict } from "./rpcEnvelope.ts"

type Response = Parameters<RpcServer.Protocol["Service"]["send"]>[1]
type Answer = Extract<Response, { readonly _tag: "Exit" }>

interface Call {
  readonly tag: string
  /** As it came: in the message what is decoded takes its place. */
  readonly payload: unknown
}

/** The call whose message this fiber is handling. */
const CurrentCall = Context.Reference<Call | undefined>("@mall/platform/RpcShape/CurrentCall", {
  defaultValue: () => undefined
})

const isDefect = (response: Response): response is Answer =>
  response._tag === "Exit" && response.exit._tag === "Failure" && response.exit.cause.some(({ _tag }) => _tag === "Die")

/** A name that is longer than any is not told back in full. */
const longestName = 100

/** Answers for the calls that `group` does not know, and for those whose payloads have not the declared shape. */
const makeRefusals = <Rpcs extends Rpc.Any>(group: RpcGroup.RpcGroup<Rpcs>, codecFor: RpcSerialization.CodecFor) => {
  const rpcs: ReadonlyMap<string, unknown> = group.requests
  // what a schema needs of services, the layer of the server has: those of calls need none
  const plain = (schema: Schema.Top) => codecFor(schema) as unknown as Schema.Codec<unknown, unknown>

  const unknown = plain(Schema.Exit(Schema.Never, UnknownRpc, Schema.Defect()))

  /** `undefined` where the payload is good. */
  return ({ payload, tag }: Call) => {
    const rpc = rpcs.get(tag) as Rpc.AnyWithProps | undefined
    if (rpc === undefined) {
      const refusal = new UnknownRpc({ rpc: tag.slice(0, longestName) })
      return Schema.encodeSync(unknown)(Exit.fail(refusal)) as Answer["exit"]
    }
    const error = Exit.findErrorOption(Schema.decodeUnknownExit(plain(rpc.payloadSchema))(payload))
    if (Option.isNone(error)) return undefined
    const refusal = new InvalidRequest({ errors: shapeIssuesOf("payload", error.value.issue) })
    // the codec of an exit writes it as messages hold it
    return Schema.encodeSync(plain(Rpc.exitSchema(rpc)))(Exit.fail(refusal)) as Answer["exit"]
  }
}

/**
 * RPC over HTTP at `path`, where a call whose payload has not the declared shape fails with `InvalidRequest`, as an HTTP
 * request does, one that nobody knows with `UnknownRpc`, and neither with a defect; a body that is not made of calls is
 * refused as a whole, with 400 and `InvalidRequest`. Every Rpc of `group` has the middleware `RpcProblems`, which declares that error and
 * leaves no other defects, so that a payload is looked at a second time only where one was found. No call here streams.
 */
export const layerHttp = <Rpcs extends Rpc.Any>({
  group,
  path
}: {
  readonly group: RpcGroup.RpcGroup<Rpcs>
  readonly path: HttpRouter.PathInput
}) => {
  const protocol = Layer.effect(
    RpcServer.Protocol,
    Effect.gen(function* () {
      const serialization = yield* RpcSerialization.RpcSerialization
      const { codecFor } = serialization
      const router = yield* HttpRouter.HttpRouter
      const refusalOf = makeRefusals(group, codecFor)
      // Answers to malformed calls are queued before anyone reads them: with a bound, a batch of more of them than it holds
      // would wait for itself, and keep its place among the requests in flight. The request bounds the answers.
      const { httpEffect, protocol: http } = yield* RpcServer.makeProtocolWithHttpEffect({
        streamBufferSize: "unbounded"
      }).pipe(Effect.provideService(RpcSerialization.RpcSerialization, strict(serialization)))
      yield* router.add("POST", path, refusing(httpEffect))
      return RpcServer.Protocol.of({
        ...http,
        run: (handle) =>
          http.run((clientId, message) =>
            message._tag === "Request" && (message.discard !== true || !group.requests.has(message.tag))
              ? Effect.provideService(handle(clientId, message), CurrentCall, {
                  tag: message.tag,
                  payload: message.payload
                })
              : handle(clientId, message)
          ),
        send: (clientId, response, transferables) => {
          if (!isDefect(response)) return http.send(clientId, response, transferables)
          return Effect.flatMap(CurrentCall, (call) => {
            const exit = call === undefined ? undefined : refusalOf(call)
            return http.send(clientId, exit === undefined ? response : { ...response, exit }, transferables)
          })
        }
      })
    })
  )
  return RpcServer.layer(group).pipe(Layer.provide(protocol))
}
