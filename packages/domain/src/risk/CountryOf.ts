import { Context, Effect } from "effect"

/**
 * In which country an address is (ISO 3166-1 alpha-2), null where nobody knows: a port that a reader of a GeoIP database
 * fills in. It answers from memory and never fails. Unless one is given, nothing is known of any address.
 */
export const CountryOf = Context.Reference<(address: string) => Effect.Effect<string | null>>(
  "@mall/domain/risk/CountryOf",
  { defaultValue: () => () => Effect.succeed(null) }
)
