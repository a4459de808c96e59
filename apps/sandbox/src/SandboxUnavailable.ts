import { Schema } from "effect"

/** The sandbox cannot start; `reason` is one sentence for the operator. */
export class SandboxUnavailable extends Schema.TaggedError<SandboxUnavailable>()("SandboxUnavailable", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}
