import { Effect, Layer, Logger, References } from "effect"
import { isVerbose, logLevel } from "./logLevel.ts"

const firstLine = (value: unknown) => String(value instanceof Error ? value.message : value).split("\n", 1)[0]

const details = (values: Readonly<Record<string, unknown>>) =>
  Object.entries(values).map(([name, value]) => `${name}=${firstLine(value)}`)

/** `warn: what happened name=value …` on one line: the cause is for who asks for it with `LOG_LEVEL=debug`. */
const brief = Logger.make<unknown, string>(({ fiber, logLevel, message }) => {
  const parts = (Array.isArray(message) ? message : [message]).flatMap((part: unknown) =>
    typeof part === "object" && part !== null && !(part instanceof Error) ? details({ ...part }) : [firstLine(part)]
  )
  return [`${logLevel.toLowerCase()}:`, ...parts, ...details(fiber.getRef(References.CurrentLogAnnotations))].join(" ")
})

/** Logs go to standard error, from `LOG_LEVEL` on (default `Warn`), so that standard output holds the answer and nothing else. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const level = yield* logLevel
    return Layer.merge(
      Logger.layer([Logger.withConsoleError(isVerbose(level) ? Logger.formatLogFmt : brief)]),
      Layer.succeed(References.MinimumLogLevel, level)
    )
  })
)
