import { Cause, Config, Effect, Layer, Logger, References } from "effect"
import type { LogLevel } from "effect"
import { LineWriter } from "./LineWriter.ts"
import { redact } from "./redact.ts"

/** A message that holds itself, or whose `toJSON` throws, must not take the program down with it. */
const toJson = (line: Record<string, unknown>) => {
  try {
    return JSON.stringify(line, redact)
  } catch {
    return JSON.stringify({ time: line["time"], level: line["level"], message: "a message that cannot be shown" })
  }
}

const levels: Partial<Record<LogLevel.LogLevel, string>> = { Warn: "warn", Error: "error", Fatal: "fatal" }

const levelName = (level: LogLevel.LogLevel) => levels[level] ?? level.toLowerCase()

/**
 * One JSON object a line: `time`, `level`, `message`, then annotations, then `cause`. Strings of a message are joined, its
 * first object goes to `data`; a cause that is logged alone is its own message, by its first line. Keys that name secrets or personal data are redacted at any depth, and so are the numbers of
 * payment cards, wherever they stand.
 */
const make = Effect.map(LineWriter, (writer) =>
  Logger.make<unknown, void>(({ cause, date, fiber, logLevel, message }) => {
    const parts = Array.isArray(message) ? message : [message]
    const texts = parts.filter((part) => typeof part !== "object" || part === null)
    const data = parts.find((part) => typeof part === "object" && part !== null)
    const reason = cause.reasons.length === 0 ? undefined : Cause.pretty(cause)
    writer.write(
      toJson({
        time: date.toISOString(),
        level: levelName(logLevel),
        message: parts.length > 0 || reason === undefined ? texts.join(" ") : reason.split("\n", 1)[0],
        ...(data === undefined ? undefined : { data }),
        ...fiber.getRef(References.CurrentLogAnnotations),
        ...(reason === undefined ? undefined : { cause: reason })
      })
    )
  })
)

const MinimumLogLevel = Layer.effect(
  References.MinimumLogLevel,
  Config.LogLevel("LOG_LEVEL").pipe(Config.withDefault<LogLevel.LogLevel>("Info"))
)

/** The process logs JSON lines, from `LOG_LEVEL` on (default `Info`). */
export const layer = Layer.merge(Logger.layer([make]), MinimumLogLevel)
