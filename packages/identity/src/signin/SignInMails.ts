import { signInMail } from "@mall/domain/identity/SignInTopics"
import type { Locale } from "@mall/domain/identity/User"
import { Mailer } from "@mall/platform/mail/Mailer"
import * as Subscription from "@mall/platform/Subscription"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SecretKey } from "../tokens/SecretKey.ts"
import { openCodeLetter } from "./codeLetter.ts"
import { SentMails } from "./SentMails.ts"
import type { MailText } from "./signInTexts.ts"
import { alreadyRegisteredText, codeText, noticeText } from "./signInTexts.ts"
import { UserRepo } from "../users/UserRepo.ts"
import type { StoredUser } from "../users/StoredUser.ts"

type Message = (typeof signInMail.schema)["Type"]
type Code = Extract<Message, { readonly _tag: "Code" }>
type Notice = Extract<Message, { readonly _tag: "Notice" }>

const defaultLocale: Locale = "zh"
/**
 * Writes the mails about signing in. A message that comes again after its mail was taken sends nothing. Between the mail
 * server's answer and our note of it a crash can make two of one mail; both carry the same Message-ID and the same code.
 */
export class SignInMails extends Context.Service<
  SignInMails,
  {
    readonly handle: (message: Message) => ReturnType<Mailer["Service"]["send"]>
  }
>()("@mall/identity/signin/SignInMails") {
  static readonly layerNoDeps = Layer.effect(
    SignInMails,
    Effect.gen(function* () {
      const sent = yield* SentMails
      const users = yield* UserRepo
      const secret = yield* SecretKey
      const mailer = yield* Mailer

      /** None where it is too late, or the code is for nobody. */
      const codeTexts = Effect.fnUntraced(function* (message: Code, code: string, user: StoredUser | undefined) {
        const now = yield* DateTime.now
        const left = message.expiresAt.getTime() - DateTime.toEpochMillis(now)
        if (left <= 0) return undefined
        if (message.purpose === "register" && user !== undefined) return alreadyRegisteredText
        if (message.purpose !== "register" && (user === undefined || user.bannedAt !== null)) return undefined
        return codeText(message.purpose, code, Math.ceil(left / 60_000))
      })

      const send = Effect.fnUntraced(function* (id: string, to: string, { subject, text }: MailText) {
        if (yield* sent.has(id)) return
        yield* mailer.send({ id, to, subject, text }).pipe(
          // to try again would change nothing, and a dead letter would only be in an operator's way
          Effect.catchTag("MailRefused", (error) => Effect.logWarning("A mail was refused", { mailId: id }, error))
        )
        yield* sent.add(id)
      })

      const sendCode = Effect.fnUntraced(function* (message: Code) {
        const { code, email } = yield* openCodeLetter(secret, message.id, message.letter)
        const user = Option.getOrUndefined(yield* Effect.orDie(users.findByEmail(email)))
        const texts = yield* codeTexts(message, code, user)
        if (texts === undefined) return
        yield* send(message.id, email, texts[user?.locale ?? message.locale ?? defaultLocale])
      })

      const sendNotice = Effect.fnUntraced(function* (message: Notice) {
        const user = Option.getOrUndefined(yield* Effect.orDie(users.findById(message.userId)))
        if (user === undefined || user.email === null) return
        yield* send(message.id, user.email, noticeText(message.notice, message)[user.locale])
      })

      const handle: SignInMails["Service"]["handle"] = Effect.fn("SignInMails.handle")((message) =>
        message._tag === "Code" ? sendCode(message) : sendNotice(message)
      )

      return SignInMails.of({ handle })
    })
  )

  /** Needs the services of identity and the store of circuit breakers. */
  static readonly layer = this.layerNoDeps.pipe(Layer.provide([SecretKey.layer, Mailer.layer]))
}

/** Mails are written by whoever runs messages, after the answer to who caused them. */
export const subscriptions = Layer.unwrap(
  Effect.map(SignInMails, (mails) =>
    Subscription.layer({ topic: signInMail, subscriber: "identity", handler: mails.handle })
  )
)
