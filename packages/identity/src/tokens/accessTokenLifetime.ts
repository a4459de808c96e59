import { Config, Duration } from "effect"

/** How long an access token is good for. Every process of one installation has the same. */
export const accessTokenLifetime = Config.Duration("ACCESS_TOKEN_LIFETIME").pipe(
  Config.withDefault(Duration.minutes(15))
)
