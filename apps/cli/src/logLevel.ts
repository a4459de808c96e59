import { Config, Schema, SchemaTransformation } from "effect"
import type { LogLevel } from "effect"

const levels = ["All", "Trace", "Debug", "Info", "Warn", "Error", "Fatal", "None"] as const

/** Also in lower case, as people type it. */
const Level = Schema.String.pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({
      decode: (text) => levels.find((level) => level.toLowerCase() === text.trim().toLowerCase()) ?? text,
      encode: (level) => level
    })
  ),
  Schema.decodeTo(Schema.Literals(levels), SchemaTransformation.passthroughSupertype())
)

/** What is logged at least: `LOG_LEVEL`, or warnings. */
export const logLevel = Config.schema(Level, "LOG_LEVEL").pipe(Config.withDefault<LogLevel.LogLevel>("Warn"))

/** Whether causes are wanted too, with where they came from. */
export const isVerbose = (level: LogLevel.LogLevel) => level === "All" || level === "Trace" || level === "Debug"
