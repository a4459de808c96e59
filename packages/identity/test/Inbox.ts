import type { Mail } from "@mall/platform/mail/Mailer"
import { Mailer } from "@mall/platform/mail/Mailer"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Context, Effect, Layer } from "effect"
import { IdentityLayer } from "../src/Identity.ts"
import { SecretKey } from "../src/tokens/SecretKey.ts"
import * as SignInMails from "../src/signin/SignInMails.ts"
import { eventually, withConfiguration } from "./fixture.ts"

/** The mails that identity sent, newest last. */
export class Inbox extends Context.Service<Inbox, { readonly mails: Array<Mail> }>()("@mall/identity/test/Inbox") {
  static readonly layer = Layer.sync(Inbox, () => Inbox.of({ mails: [] }))
}

const Recorder = Layer.effect(
  Mailer,
  Effect.map(Inbox, ({ mails }) =>
    Mailer.of({
      isThere: true,
      send: (mail) =>
        Effect.sync(() => {
          mails.push(mail)
        })
    })
  )
)

/** Identity with its messages handled, its mails kept, and a clock to put forward. */
export const signInLayer = (overrides: Record<string, string> = {}) =>
  SignInMails.subscriptions.pipe(
    Layer.provideMerge(
      SignInMails.SignInMails.layerNoDeps.pipe(Layer.provide(SecretKey.layer), Layer.provide(Recorder))
    ),
    Layer.provideMerge(IdentityLayer),
    (layer) => withConfiguration(layer, overrides),
    Layer.provideMerge(Inbox.layer),
    Layer.provideMerge(TestDatabase)
  )

/** Waits for the newest mail to `to` beyond the first `after`. */
export const mailTo = Effect.fnUntraced(function* (to: string, after = 0) {
  const { mails } = yield* Inbox
  return yield* eventually(Effect.suspend(() => Effect.fromNullishOr(mails.filter((mail) => mail.to === to)[after])))
})

/** The code in the newest mail to `to` beyond the first `after`. */
export const codeTo = Effect.fnUntraced(function* (to: string, after = 0) {
  const { text } = yield* mailTo(to, after)
  return /\d{6}/.exec(text)?.[0] ?? ""
})
