import { ServiceAuthorization } from "@mall/domain/identity/Authorization"
import { InternalError, InvalidRequest, RateLimited, Unauthorized, UnknownRpc } from "@mall/domain/kernel/EdgeError"
import { PaymentGateway, PaymentUndecided } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { maxFound } from "@mall/domain/payments/PaymentGatewayRpcs"
import { ServiceRpcs } from "@mall/domain/rpc/ServiceRpcs"
import { Array, Cause, Duration, Effect, Layer, Redacted, Schedule } from "effect"
import { Headers } from "effect/http"
import { RpcClient, RpcClientError, RpcMiddleware } from "effect/rpc"
import { protocol } from "./rpcProtocol.ts"

/** Longer than the pay platform waits for a channel. */
const timeout = Duration.seconds(30)
const retries = { schedule: Schedule.exponential("50 millis").pipe(Schedule.jittered), times: 4 }

/** The call may have been done or not. */
type NoAnswer = RpcClientError.RpcClientError | InternalError | RateLimited | Cause.TimeoutError

const isNoAnswer = (error: unknown): error is NoAnswer =>
  error instanceof RpcClientError.RpcClientError ||
  error instanceof InternalError ||
  error instanceof RateLimited ||
  Cause.isTimeoutError(error)

/** A mistake in the set-up. */
type Refusal = Unauthorized | InvalidRequest | UnknownRpc

const isOfWire = (error: unknown): error is NoAnswer | Refusal =>
  isNoAnswer(error) || error instanceof Unauthorized || error instanceof InvalidRequest || error instanceof UnknownRpc

/** Asks again where there is no answer, which every call of the port allows, and in the end does what `unanswered` says. */
const asking = <A, E, E2>(
  call: Effect.Effect<A, E | NoAnswer | Refusal>,
  unanswered: (error: NoAnswer) => Effect.Effect<never, E2>
) =>
  call.pipe(
    Effect.timeout(timeout),
    Effect.retry({ ...retries, while: isNoAnswer }),
    Effect.catchIf(isOfWire, (error) => (isNoAnswer(error) ? unanswered(error) : Effect.die(error)))
  )

/** The port knows no failure of what it needs itself, as it would be of the database within one process. */
const certainly = <A, E>(call: Effect.Effect<A, E | NoAnswer | Refusal>) => asking(call, (error) => Effect.die(error))

/** Without an answer nothing is decided. */
const deciding = <A, E>(paymentId: PaymentId, call: Effect.Effect<A, E | NoAnswer | Refusal>) =>
  asking(call, (error) =>
    Effect.andThen(
      Effect.logWarning("The pay platform gave no answer", error).pipe(Effect.annotateLogs({ paymentId })),
      Effect.fail(new PaymentUndecided({ paymentId }))
    )
  )

export interface Options {
  /** Of the pay platform, without a slash at its end. */
  readonly baseUrl: string
  /** A service token for the service `payments`: `mall services issue mall payments`. */
  readonly token: Redacted.Redacted
}

/**
 * The port `PaymentGateway`, served by a pay platform in another process. Needs an `HttpClient`: where the pay platform wants
 * client certificates, one that shows the certificate of the service that the token is of.
 */
export const layer = ({ baseUrl, token }: Options) =>
  Layer.effect(
    PaymentGateway,
    Effect.gen(function* () {
      const client = yield* RpcClient.make(ServiceRpcs)

      return PaymentGateway.of({
        create: Effect.fn("PaymentGatewayRpc.create")((request) => certainly(client["gateway.create"](request))),
        find: Effect.fn("PaymentGatewayRpc.find")(function* (ids) {
          const found = yield* Effect.forEach(Array.chunksOf(new Set(ids), maxFound), (chunk) =>
            certainly(client["gateway.find"]({ ids: chunk }))
          )
          return new Map(found.flat().map((summary) => [summary.id, summary]))
        }),
        settle: Effect.fn("PaymentGatewayRpc.settle")((id) => deciding(id, client["gateway.settle"]({ id }))),
        close: Effect.fn("PaymentGatewayRpc.close")((id, reason) =>
          deciding(id, client["gateway.close"]({ id, reason }))
        ),
        refund: Effect.fn("PaymentGatewayRpc.refund")((refund) => certainly(client["gateway.refund"](refund)))
      })
    })
  ).pipe(
    Layer.provide([
      RpcMiddleware.layerClient(ServiceAuthorization, ({ next, request }) =>
        next({
          ...request,
          headers: Headers.set(request.headers, "authorization", `Bearer ${Redacted.value(token)}`)
        })
      ),
      protocol(baseUrl)
    ])
  )
