import { maskCardNumbers } from "@mall/platform/telemetry/cardNumbers"
import { redact } from "@mall/platform/telemetry/redact"
import { Cause, Effect, Layer, Logger, References } from "effect"
import { isVerbose, logLevel } from "./logLevel.ts"

const firstLine = (value: unknown) => String(value instanceof Error ? value.message : value).split("\n", 1)[0]

const details = (values: Readonly<Record<string, unknown>>) =>
  Object.entries(values).map(([name, value]) => `${name}=${firstLine(redact(name, value))}`)

/** `warn: what happened name=value …`, without what must not be logged. */
const lineOf = ({ fiber, logLevel, message }: Logger.Options<unknown>) => {
  const parts = (Array.isArray(message) ? message : [message]).flatMap((part: unknown) =>
    typeof part === "object" && part !== null && !(part instanceof Error) ? details({ ...part }) : [firstLine(part)]
  )
  const annotations = details(fiber.getRef(References.CurrentLogAnnotations))
  return maskCardNumbers([`${logLevel.toLowerCase()}:`, ...parts, ...annotations].join(" "))
}

/** One line: the cause is for who asks for it with `LOG_LEVEL=debug`. */
const brief = Logger.make(lineOf)

/** The same with the time, and with the cause in full. */
const verbose = Logger.make<unknown, string>((options) => {
  const { cause, date } = options
  const line = `${date.toISOString()} ${lineOf(options)}`
  return cause.reasons.length === 0 ? line : `${line}\n${maskCardNumbers(Cause.pretty(cause))}`
})

/** Logs go to standard error, from `LOG_LEVEL` on (default `Warn`), so that standard output holds the answer and nothing else. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const level = yield* logLevel
    return Layer.merge(
      Logger.layer([Logger.withConsoleError(isVerbose(level) ? verbose : brief)]),
      Layer.succeed(References.MinimumLogLevel, level)
    )
  })
)
