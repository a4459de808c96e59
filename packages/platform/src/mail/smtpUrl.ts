import { Config, Context, Effect, Option } from "effect"
import type { Redacted } from "effect"

/** Where mails go unless `SMTP_URL` says so: the server sets it to the sink of a sandbox that runs in the same process. */
export const DefaultSmtpUrl = Context.Reference<Option.Option<Redacted.Redacted>>(
  "@mall/platform/mail/DefaultSmtpUrl",
  { defaultValue: Option.none }
)

/** `smtp://user:password@host:port`, or `smtps://…`; none where nobody takes our mails. */
export const smtpUrl = Effect.gen(function* () {
  const given = yield* Config.option(Config.Redacted("SMTP_URL"))
  const fallback = yield* DefaultSmtpUrl
  return Option.orElse(given, () => fallback)
})
