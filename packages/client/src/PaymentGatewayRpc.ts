import { ServiceAuthorization } from "@mall/domain/identity/Authorization"
import { InternalError, InvalidRequest, RateLimited, Unauthorized, UnknownRpc } from "@mall/domain/kernel/EdgeError"
import { PaymentGateway, PaymentUndecided } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId, PaymentSummary, PaymentsUnavailable } from "@mall/domain/payments/PaymentGateway"
import { maxFound } from "@mall/domain/payments/PaymentGatewayRpcs"
import { ServiceRpcs } from "@mall/domain/rpc/ServiceRpcs"
import { Array, Cause, Duration, Effect, Layer, Redacted, Result, Schedule, Schema } from "effect"
import { Headers } from "effect/http"
import { RpcClient, RpcClientError, RpcMiddleware } from "effect/rpc"
import { protocol } from "./rpcProtocol.ts"

/** Longer than the pay platform waits for a channel. */
const timeout = Duration.seconds(30)
const retries = { schedule: Schedule.exponential("50 millis").pipe(Schedule.jittered), times: 4 }

/** The pay platform gave no answer, or turned this service away. The call may have been done or not, and may be repeated. */
export class Unanswered extends Schema.TaggedError<Unanswered>()("Unanswered", {
  /** Not where the set-up has to be mended first, such as the token. */
  isRetryable: Schema.Boolean,
  cause: Schema.Defect()
}) {
  override get message() {
    return "The pay platform gave no answer"
  }
}

type NoAnswer = RpcClientError.RpcClientError | InternalError | RateLimited

/** A mistake in the set-up. */
type Refusal = Unauthorized | InvalidRequest | UnknownRpc

const isNoAnswer = (error: unknown): error is NoAnswer =>
  error instanceof RpcClientError.RpcClientError || error instanceof InternalError || error instanceof RateLimited

const isRefusal = (error: unknown): error is Refusal =>
  error instanceof Unauthorized || error instanceof InvalidRequest || error instanceof UnknownRpc

const isOfWire = (error: unknown): error is NoAnswer | Refusal => isNoAnswer(error) || isRefusal(error)

/** What the pay platform answers, be it yes or no. */
const answerOf = <A, E>(
  call: Effect.Effect<A, E | NoAnswer | Refusal>
): Effect.Effect<Result.Result<A, E>, Unanswered> =>
  Effect.flatMap(Effect.result(call), (result): Effect.Effect<Result.Result<A, E>, Unanswered> => {
    if (Result.isSuccess(result)) return Effect.succeed(Result.succeed(result.success))
    const error = result.failure
    return isOfWire(error)
      ? Effect.fail(new Unanswered({ isRetryable: isNoAnswer(error), cause: error }))
      : Effect.succeed(Result.fail(error))
  })

/** How calls are timed, repeated and given up: each of them may be repeated, as the port says. */
export interface Policy {
  /** `lookup` costs the pay platform a statement, `money` may have it ask a channel. */
  call<A>(attempt: Effect.Effect<A, Unanswered>, kind: "lookup" | "money"): Effect.Effect<A, Unanswered>
  /** Fails where it is known that no call would be answered now. */
  readonly ready: Effect.Effect<void, PaymentsUnavailable>
}

/** Asks again for a while, and knows nothing of the calls before. */
const patience: Policy = {
  call: (attempt) =>
    attempt.pipe(
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () => Effect.fail(new Unanswered({ isRetryable: true, cause: new Cause.TimeoutError() }))
      }),
      Effect.retry({ ...retries, while: ({ isRetryable }) => isRetryable })
    ),
  ready: Effect.void
}

export interface Options {
  /** Of the pay platform, without a slash at its end. */
  readonly baseUrl: string
  /** A service token for the service `payments`: `mall services issue mall payments`. */
  readonly token: Redacted.Redacted
  readonly policy?: Policy
}

/**
 * The port `PaymentGateway`, served by a pay platform in another process. Needs an `HttpClient`: where the pay platform wants
 * client certificates, one that shows the certificate of the service that the token is of.
 */
export const layer = ({ baseUrl, policy = patience, token }: Options) =>
  Layer.effect(
    PaymentGateway,
    Effect.gen(function* () {
      const client = yield* RpcClient.make(ServiceRpcs)

      /** The port knows no failure of what it needs itself, as it would be of the database within one process. */
      const certainly = <A, E>(kind: "lookup" | "money", call: Effect.Effect<A, E | NoAnswer | Refusal>) =>
        policy.call(answerOf(call), kind).pipe(
          Effect.catch(({ cause }) => Effect.die(cause)),
          Effect.flatMap(Effect.fromResult)
        )

      /** Without an answer nothing is decided. */
      const deciding = <A, E>(paymentId: PaymentId, call: Effect.Effect<A, E | NoAnswer | Refusal>) =>
        policy.call(answerOf(call), "money").pipe(
          Effect.tapError((error) => Effect.logWarning(error.message, error.cause)),
          Effect.annotateLogs({ paymentId }),
          Effect.mapError(() => new PaymentUndecided({ paymentId })),
          Effect.flatMap(Effect.fromResult)
        )

      return PaymentGateway.of({
        ready: policy.ready,
        create: Effect.fn("PaymentGatewayRpc.create")((request) =>
          certainly("lookup", client["gateway.create"](request))
        ),
        find: Effect.fn("PaymentGatewayRpc.find")(function* (ids) {
          const found = yield* Effect.forEach(Array.chunksOf(new Set(ids), maxFound), (chunk) =>
            certainly<ReadonlyArray<PaymentSummary>, never>("lookup", client["gateway.find"]({ ids: chunk }))
          )
          return new Map(found.flat().map((summary) => [summary.id, summary]))
        }),
        settle: Effect.fn("PaymentGatewayRpc.settle")((id) => deciding(id, client["gateway.settle"]({ id }))),
        close: Effect.fn("PaymentGatewayRpc.close")((id, reason) =>
          deciding(id, client["gateway.close"]({ id, reason }))
        ),
        refund: Effect.fn("PaymentGatewayRpc.refund")((refund) => certainly("money", client["gateway.refund"](refund)))
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
