import {
  ChannelDeclined,
  ChannelError,
  ChannelNotSent,
  ChannelOutcomeUnknown,
  ChannelRefusedRequest
} from "./ChannelError.ts"
import type { ChannelErrorReason } from "./ChannelError.ts"

/** What an error code of a channel lets us conclude about a call. */
export type Meaning = "declined" | "notSent" | "unknown" | "refused"

/** Failures of the network before a byte of the request can have been sent. */
const neverSent = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ERR_INVALID_URL",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
])

const reasonOf = (meaning: Meaning, code: string): ChannelErrorReason => {
  switch (meaning) {
    case "declined":
      return new ChannelDeclined({ code })
    case "notSent":
      return new ChannelNotSent({ code })
    case "unknown":
      return new ChannelOutcomeUnknown({ code })
    case "refused":
      return new ChannelRefusedRequest({ code })
  }
}

export const channelFailure = (meaning: Meaning, code: string) => new ChannelError({ reason: reasonOf(meaning, code) })

/** What an answer with an error status means whose code we do not know, or which names none. */
export const meaningOfStatus = (status: number): Meaning =>
  status === 429 ? "notSent" : status >= 400 && status < 500 ? "refused" : "unknown"

/** No answer, or none that could be believed. */
export const fromNetwork = (code: string) => channelFailure(neverSent.has(code) ? "notSent" : "unknown", code)

/** An answer that is the channel's and is about something else than what was asked. */
export const contradiction = fromNetwork("ANSWER_OF_ANOTHER_ORDER")
