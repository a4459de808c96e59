import { Schema } from "effect"
import type { HttpClientError } from "effect/http"

/**
 * One attempt did not get a usable answer: what the code that talks to a downstream fails with, for `Downstream` to act
 * on. An answer that says no (declined, not found) is an error of the caller's own, which passes untouched.
 */
export class CallFailed extends Schema.TaggedError<CallFailed>()("CallFailed", {
  /** Another attempt may do better. */
  isRetryable: Schema.Boolean,
  /** The downstream may have acted: false only where the request certainly did not reach it or was turned away. */
  mayHaveHappened: Schema.Boolean,
  cause: Schema.Defect()
}) {
  override get message() {
    return `The call failed${this.mayHaveHappened ? " and may have taken effect" : " without any effect"}`
  }

  /** From what a client library threw: only a connection that was never made is certain to have had no effect. */
  static ofCause(cause: unknown) {
    return new CallFailed({ isRetryable: true, mayHaveHappened: !isNeverConnected(cause), cause })
  }

  /** From Effect's HTTP client. 408, 429 and 5xx are worth another attempt; other statuses are answers. */
  static ofHttpClientError(error: HttpClientError.HttpClientError) {
    switch (error.reason._tag) {
      case "TransportError":
        return CallFailed.ofCause(error.reason.cause)
      case "EncodeError":
      case "InvalidUrlError":
        return new CallFailed({ isRetryable: false, mayHaveHappened: false, cause: error })
      case "DecodeError":
      case "EmptyBodyError":
        return new CallFailed({ isRetryable: false, mayHaveHappened: true, cause: error })
      case "StatusCodeError": {
        const { status } = error.reason.response
        const isServerError = status >= 500
        return new CallFailed({
          isRetryable: isServerError || status === 408 || status === 429,
          mayHaveHappened: isServerError,
          cause: error
        })
      }
    }
  }
}

const neverConnected: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT"
])

const SystemError = Schema.Struct({ code: Schema.String })
const Caused = Schema.Struct({ cause: Schema.Unknown })
const Aggregate = Schema.Struct({ errors: Schema.Array(Schema.Unknown) })
const isSystemError = Schema.is(SystemError)
const isCaused = Schema.is(Caused)
const isAggregate = Schema.is(Aggregate)

/** Clients wrap the system's error in their own, and one per address that was tried. */
const isNeverConnected = (cause: unknown): boolean => {
  if (isSystemError(cause) && neverConnected.has(cause.code)) return true
  if (isAggregate(cause) && cause.errors.length > 0) return cause.errors.every(isNeverConnected)
  return isCaused(cause) && isNeverConnected(cause.cause)
}

/**
 * A downstream gave no usable answer: `timeout` and `failed` after the attempts that were due, `open` and `bulkhead` without
 * any. Internal to a context: `cause` is for the log, not for a client.
 */
export class DownstreamUnavailable extends Schema.TaggedError<DownstreamUnavailable>()("DownstreamUnavailable", {
  downstream: Schema.String,
  operation: Schema.String,
  reason: Schema.Literals(["timeout", "open", "bulkhead", "failed"]),
  /** A later call may do better. */
  isRetryable: Schema.Boolean,
  /**
   * Whether the outcome is unknown. False: certainly nothing was done (not sent, or turned away). True: one of the attempts
   * may have taken effect, so ask before doing it again in another way.
   */
  mayHaveHappened: Schema.Boolean,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    const effect = this.mayHaveHappened ? "it may have taken effect" : "it had no effect"
    return `${this.downstream}.${this.operation} is unavailable (${this.reason}); ${effect}`
  }
}
