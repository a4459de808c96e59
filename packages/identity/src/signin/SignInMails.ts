import { signInMail } from "@mall/domain/identity/SignInTopics"
import type { Locale } from "@mall/domain/identity/User"
import { Mailer } from "@mall/platform/mail/Mailer"
import * as Subscription from "@mall/platform/Subscription"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { Base64Url } from "effect/encoding"
import { sealPurpose } from "../sealPurpose.ts"
import { SecretKey } from "../tokens/SecretKey.ts"
import { SentMails } from "./SentMails.ts"
import type { MailText } from "./signInTexts.ts"
import { alreadyRegisteredText, codeText, noticeText } from "./signInTexts.ts"
import { UserRepo } from "../users/UserRepo.ts"
import type { StoredUser } from "../users/UserRepo.ts"

type Message = (typeof signInMail.schema)["Type"]
type Code = Extract<Message, { readonly _tag: "Code" }>

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

      const open = Effect.fnUntraced(function* ({ id, sealedCode }: Code) {
        const sealed = yield* Effect.orDie(Effect.fromResult(Base64Url.decode(sealedCode)))
        const code = yield* secret.open(sealed, sealPurpose.mailedCode(id))
        if (Option.isNone(code)) return yield* Effect.die(new Error("A code cannot be opened with this secret"))
        return new TextDecoder().decode(code.value)
      })

      /** None where there is nobody to write to, or it is too late. */
      const compose = Effect.fnUntraced(function* (message: Message, user: StoredUser | undefined) {
        if (message._tag === "Notice") return noticeText(message.notice, message)
        const now = yield* DateTime.now
        const left = message.expiresAt.getTime() - DateTime.toEpochMillis(now)
        if (left <= 0) return undefined
        if (message.purpose === "register" && user !== undefined) return alreadyRegisteredText
        if (message.purpose !== "register" && (user === undefined || user.bannedAt !== null)) return undefined
        return codeText(message.purpose, yield* open(message), Math.ceil(left / 60_000))
      })

      const send = Effect.fnUntraced(function* (id: string, to: string, { subject, text }: MailText) {
        if (yield* sent.has(id)) return
        yield* mailer.send({ id, to, subject, text }).pipe(
          // to try again would change nothing, and a dead letter would only be in an operator's way
          Effect.catchTag("MailRefused", (error) => Effect.logWarning("A mail was refused", { mailId: id }, error))
        )
        yield* sent.add(id)
      })

      const handle: SignInMails["Service"]["handle"] = Effect.fn("SignInMails.handle")(function* (message) {
        const isCode = message._tag === "Code"
        const found = yield* Effect.orDie(isCode ? users.findByEmail(message.email) : users.findById(message.userId))
        const user = Option.getOrUndefined(found)
        const to = isCode ? message.email : (user?.email ?? null)
        const texts = yield* compose(message, user)
        if (to === null || texts === undefined) return
        const locale = user?.locale ?? (isCode ? message.locale : null) ?? defaultLocale
        yield* send(message.id, to, texts[locale])
      })

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
