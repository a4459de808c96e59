import { Schema } from "effect"

/** The channel said no, finally: nothing was or will be done. `code` is its own. */
export class ChannelDeclined extends Schema.TaggedError<ChannelDeclined>()("ChannelDeclined", { code: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `declined: ${this.code}`
  }
}

/** Certainly nothing was done: not sent, refused before it was looked at, or not possible just now. It may be tried again. */
export class ChannelNotSent extends Schema.TaggedError<ChannelNotSent>()("ChannelNotSent", { code: Schema.String }) {
  readonly isRetryable = true
  override get message() {
    return `not done: ${this.code}`
  }
}

/** It may have happened: no answer, half an answer, one that is not signed by the channel, or one that contradicts what we asked. */
export class ChannelOutcomeUnknown extends Schema.TaggedError<ChannelOutcomeUnknown>()("ChannelOutcomeUnknown", {
  code: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return `outcome unknown: ${this.code}`
  }
}

/** The channel does not understand us: a wrong key, a wrong parameter. Nothing was done, and the same will fail again. */
export class ChannelRefusedRequest extends Schema.TaggedError<ChannelRefusedRequest>()("ChannelRefusedRequest", {
  code: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `request refused: ${this.code}`
  }
}

const Reason = Schema.Union([ChannelDeclined, ChannelNotSent, ChannelOutcomeUnknown, ChannelRefusedRequest])
export type ChannelErrorReason = typeof Reason.Type

/** A call to a channel did not do what was asked. Stays within payments; the `code` may be shown, the cause never leaves. */
export class ChannelError extends Schema.TaggedError<ChannelError>()("ChannelError", { reason: Reason }) {
  override get message() {
    return this.reason.message
  }

  get isRetryable() {
    return this.reason.isRetryable
  }
}

/** Why a notice was not believed. `unverifiable`: it may be genuine, but the channel's keys are not at hand. */
const CallbackRefusal = Schema.Literals(["signature", "serial", "timestamp", "malformed", "replayed", "unverifiable"])

/** A notice that is not, or not surely, the channel's. Nothing of it is used. */
export class CallbackRefused extends Schema.TaggedError<CallbackRefused>()("CallbackRefused", {
  reason: CallbackRefusal
}) {
  override get message() {
    return `callback refused: ${this.reason}`
  }
}
