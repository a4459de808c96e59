import { ProviderName } from "@mall/domain/identity/ProviderSignIn"
import { Config, Schema } from "effect"

/** An identity provider, as `OIDC_PROVIDERS` names it. */
const Provider = Schema.Struct({
  issuer: Schema.String.check(Schema.isPattern(/^https?:\/\/\S+$/)),
  clientId: Schema.String,
  clientSecret: Schema.RedactedFromValue(Schema.String),
  scopes: Schema.optionalKey(Schema.String),
  /** Where the provider sends the browser back to; the address of `callback` at `PUBLIC_URL` unless told. */
  redirectUri: Schema.optionalKey(Schema.String)
})
export type Provider = typeof Provider.Type

const Providers = Schema.Record(ProviderName, Provider)

export const providerConfig = Config.all({
  providers: Config.schema(Schema.fromJsonString(Providers), "OIDC_PROVIDERS").pipe(
    Config.withDefault<typeof Providers.Type>({})
  ),
  publicUrl: Config.String("PUBLIC_URL").pipe(
    Config.orElse(() =>
      Config.Port("PORT").pipe(
        Config.withDefault(8080),
        Config.map((port) => `http://127.0.0.1:${port}`)
      )
    )
  )
})
