import { Config, Schema } from "effect"

/** The installation that keys are made for and taken by; it stands in their text, so that nobody takes a test key for a live one. */
export const apiKeyEnvironment = Config.schema(
  Schema.String.check(Schema.isPattern(/^[a-z]{1,16}$/)),
  "API_KEY_ENVIRONMENT"
).pipe(Config.withDefault("live"))
