import { isSqlError } from "effect/sql/SqlError"
import type { Verdict } from "../lifecycle/channelTruth.ts"

/** Whether the database refused a change since another try has the number that the channel told of this one. */
export const isReferenceTaken = (error: unknown) =>
  isSqlError(error) &&
  error.reason._tag === "UniqueViolation" &&
  error.reason.constraint === "attempts_channel_reference_key"

/** Two tries cannot have one number of the channel: the second is not believed, and a person has to look. */
export const referenceTaken: Verdict = { type: "mismatch", details: { channelReference: "of another attempt" } }
