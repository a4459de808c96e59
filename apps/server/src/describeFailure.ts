import { Cause, Config, Option, Predicate } from "effect"

const busyPort = (cause: unknown): string | undefined => {
  if (!Predicate.hasProperty(cause, "code") || !Predicate.hasProperty(cause, "port")) return undefined
  return cause.code === "EADDRINUSE"
    ? `The port ${String(cause.port)} is in use by another program; set PORT to a free one.`
    : undefined
}

/** Effect tells what it expected on the first line, and of which variable on the next: `at ["PORT"]`. */
const describeSetting = ({ cause }: Config.ConfigError) => {
  const [expected = "", ...where] = cause.message.trim().split(/\s*\n\s*/)
  const name = /\["(\w+)"\]/.exec(where.join(" "))?.[1]
  return name === undefined ? `The configuration is wrong: ${expected}.` : `The setting ${name} is wrong: ${expected}.`
}

/** Why the server could not start, in one sentence where the reason is one that an operator can mend. */
export const describeFailure = (cause: Cause.Cause<unknown>): string => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (error === undefined) return Cause.pretty(cause)
  if (Predicate.isTagged(error, "ServeError") && Predicate.hasProperty(error, "cause")) {
    return busyPort(error.cause) ?? `The server cannot listen: ${String(error.cause)}.`
  }
  if (error instanceof Config.ConfigError) return describeSetting(error)
  if (Predicate.isTagged(error, "MigrationError")) return Cause.pretty(cause)
  return error instanceof Error ? error.message : Cause.pretty(cause)
}
