import { Cause, Option, Predicate } from "effect"

const busyPort = (cause: unknown): string | undefined => {
  if (!Predicate.hasProperty(cause, "code") || !Predicate.hasProperty(cause, "port")) return undefined
  return cause.code === "EADDRINUSE"
    ? `The port ${String(cause.port)} is in use by another program; set PORT to a free one.`
    : undefined
}

/** Why the server could not start, in one sentence where the reason is one that an operator can mend. */
export const describeFailure = (cause: Cause.Cause<unknown>): string => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (error === undefined) return Cause.pretty(cause)
  if (Predicate.isTagged(error, "ServeError") && Predicate.hasProperty(error, "cause")) {
    return busyPort(error.cause) ?? `The server cannot listen: ${String(error.cause)}.`
  }
  if (Predicate.isTagged(error, "ConfigError") && error instanceof Error)
    return `The configuration is wrong: ${error.message}`
  if (Predicate.isTagged(error, "MigrationError")) return Cause.pretty(cause)
  return error instanceof Error ? error.message : Cause.pretty(cause)
}
