import * as Downstream from "@mall/platform/Downstream"
import { CallFailed } from "@mall/platform/DownstreamError"
import type { DownstreamUnavailable } from "@mall/platform/DownstreamError"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Cause, Clock, Duration, Effect, Exit, Predicate, Schema } from "effect"
import { CallSubject } from "../log/CallSubject.ts"
import { ChannelLog } from "../log/ChannelLog.ts"
import { countSignatureFailure } from "../paymentMetrics.ts"
import { ChannelError, ChannelNotSent, ChannelOutcomeUnknown } from "./ChannelError.ts"
import { fromNetwork } from "./channelFailure.ts"
import { AccountOwner } from "./OwnAccounts.ts"

const isChannelError = Schema.is(ChannelError)

/** There was no answer that counts. The cause carries no more than a code: what libraries throw holds our keys. */
export const noAnswer = (cause: ChannelError, options?: { readonly isRetryable?: boolean }) =>
  new CallFailed({
    isRetryable: options?.isRetryable ?? true,
    mayHaveHappened: cause.reason._tag === "ChannelOutcomeUnknown",
    cause
  })

/** The answer is not the channel's: it proves nothing, and the next one would be as good. */
export const forged = noAnswer(fromNetwork("ANSWER_NOT_SIGNED"), { isRetryable: false })

/** The code of the system's error that a client library wraps. */
export const networkCodeOf = (cause: unknown): string => {
  if (Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code) && /^[A-Z][A-Z0-9_]*$/.test(cause.code)) {
    return cause.code
  }
  if (Predicate.hasProperty(cause, "errors") && Array.isArray(cause.errors) && cause.errors.length > 0) {
    return networkCodeOf(cause.errors[0])
  }
  if (Predicate.hasProperty(cause, "cause")) return networkCodeOf(cause.cause)
  return "NETWORK"
}

const fromUnavailable = ({ cause, mayHaveHappened, reason }: DownstreamUnavailable) => {
  const code = reason === "failed" && isChannelError(cause) ? cause.reason.code : `DOWNSTREAM_${reason.toUpperCase()}`
  return new ChannelError({
    reason: mayHaveHappened ? new ChannelOutcomeUnknown({ code }) : new ChannelNotSent({ code })
  })
}

/** What passes between us and the channel, told to the payment log as it does. The last of each counts. */
export interface Exchange {
  sent(request: unknown): void
  heard(response: unknown): void
}

const outcomeOf = (exit: Exit.Exit<unknown, ChannelError | CallFailed>) => {
  if (Exit.isSuccess(exit)) return "ok"
  if (Cause.hasInterruptsOnly(exit.cause)) return "no answer in time"
  const failure = Cause.squash(exit.cause)
  const error = failure instanceof CallFailed ? failure.cause : failure
  return isChannelError(error) ? error.message : "failed"
}

/**
 * Calls to a channel under the policy of the downstream of its name. All of them are keyed by our numbers, so an attempt
 * without an answer is repeated as the policy says. Each account has breakers and a bulkhead of its own: a merchant's wrong key
 * stops the calls of that merchant only. Each attempt that is about a payment goes to the payment log.
 */
export const make = Effect.fnUntraced(function* (channel: string, timeout: Duration.Duration) {
  const account = yield* AccountOwner
  const downstream = yield* Downstream.make(channel, { timeout, maxAttempts: 2 }, account ?? undefined)
  const log = yield* ChannelLog

  const logged = Effect.fnUntraced(function* <A>(
    operation: string,
    attempt: (exchange: Exchange) => Effect.Effect<A, ChannelError | CallFailed>
  ) {
    let request: unknown
    let response: unknown
    const exchange: Exchange = {
      sent: (body) => {
        request = body
      },
      heard: (body) => {
        response = body
      }
    }
    const subject = yield* CallSubject
    if (subject === undefined) return yield* attempt(exchange)
    const startedAt = yield* Clock.currentTimeMillis
    return yield* Effect.onExit(
      attempt(exchange),
      Effect.fnUntraced(function* (exit) {
        const durationMillis = Math.round((yield* Clock.currentTimeMillis) - startedAt)
        const traceId = yield* currentTraceId
        const call = { ...subject, channel, operation, request, response, durationMillis, traceId }
        yield* log.write({ ...call, outcome: outcomeOf(exit), at: new Date(startedAt) })
      })
    )
  })

  /** A call that was not even made says so, for whoever looks for it in the log. */
  const logRefused = Effect.fnUntraced(function* (operation: string, reason: DownstreamUnavailable["reason"]) {
    const subject = yield* CallSubject
    if (subject === undefined || (reason !== "open" && reason !== "bulkhead")) return
    yield* log.write({
      ...{ ...subject, channel, operation, request: undefined, response: undefined, durationMillis: 0 },
      ...{ outcome: `not sent: DOWNSTREAM_${reason.toUpperCase()}`, traceId: yield* currentTraceId },
      at: new Date(yield* Clock.currentTimeMillis)
    })
  })

  const call = <A>(
    operation: string,
    attempt: (exchange: Exchange) => Effect.Effect<A, ChannelError | CallFailed>
  ): Effect.Effect<A, ChannelError> =>
    downstream
      .call(
        Effect.tapErrorTag(logged(operation, attempt), "CallFailed", (failed) =>
          failed === forged ? reportForgery(channel) : Effect.void
        ),
        { operation, isRepeatable: true }
      )
      .pipe(
        Effect.catchTag("DownstreamUnavailable", (error) =>
          Effect.andThen(logRefused(operation, error.reason), Effect.fail(fromUnavailable(error)))
        ),
        Effect.annotateLogs({ channel, operation })
      )
  return { call, policy: downstream.policy }
})

const reportForgery = (channel: string) =>
  Effect.andThen(
    countSignatureFailure(channel),
    Effect.logWarning("answer of the channel refused: not signed by the platform")
  )
