import * as Downstream from "@mall/platform/Downstream"
import { CallFailed } from "@mall/platform/DownstreamError"
import type { DownstreamUnavailable } from "@mall/platform/DownstreamError"
import { Duration, Effect, Predicate, Schema } from "effect"
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

/**
 * Calls to a channel under the policy of the downstream of its name. All of them are keyed by our numbers, so an attempt
 * without an answer is repeated as the policy says. Each account has breakers and a bulkhead of its own: a merchant's wrong key
 * stops the calls of that merchant only.
 */
export const make = Effect.fnUntraced(function* (channel: string, timeout: Duration.Duration) {
  const account = yield* AccountOwner
  const downstream = yield* Downstream.make(channel, { timeout, maxAttempts: 2 }, account ?? undefined)

  const call = <A>(operation: string, attempt: Effect.Effect<A, ChannelError | CallFailed>) =>
    downstream
      .call(
        Effect.tapErrorTag(attempt, "CallFailed", (failed) =>
          failed === forged ? reportForgery(channel) : Effect.void
        ),
        { operation, isRepeatable: true }
      )
      .pipe(
        Effect.catchTag("DownstreamUnavailable", (error) => Effect.fail(fromUnavailable(error))),
        Effect.annotateLogs({ channel, operation })
      )
  return { call, policy: downstream.policy }
})

const reportForgery = (channel: string) =>
  Effect.andThen(
    countSignatureFailure(channel),
    Effect.logWarning("answer of the channel refused: not signed by the platform")
  )
