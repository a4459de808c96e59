import { Config, Context, Duration, Effect, Layer, Option, Redacted, Schema } from "effect"
import { createTransport } from "nodemailer"
import * as Downstream from "../Downstream.ts"
import { CallFailed } from "../DownstreamError.ts"
import type { DownstreamUnavailable } from "../DownstreamError.ts"
import { smtpUrl } from "./smtpUrl.ts"

/** The mail server will never take this mail: no such mailbox, or it does not like what is in it. */
export class MailRefused extends Schema.TaggedError<MailRefused>()("MailRefused", { code: Schema.Int }) {
  override get message() {
    return `The mail server refused the mail for good (${this.code})`
  }
}

/**
 * One address in ASCII and nothing else: no name, no list, no line break. Each context has its own stricter type; this is
 * the last door before the library, which would read more than one address out of a text.
 */
const Address = Schema.String.check(Schema.isMaxLength(254), Schema.isPattern(/^[^\s@,;:<>()[\]"\\]+@[a-z0-9.-]+$/i))
/** A header is one line. */
const HeaderText = Schema.String.check(Schema.isMaxLength(200), Schema.isPattern(/^\P{Cc}+$/u))

export const Mail = Schema.Struct({
  /** The same for every attempt at the same mail: it makes the Message-ID, by which mailboxes know a duplicate. */
  id: Schema.String.check(Schema.isPattern(/^[\w-]+$/)),
  to: Address,
  subject: HeaderText,
  text: Schema.String
})
export type Mail = typeof Mail.Type

/** What nodemailer's errors say. `responseCode` is the server's answer; without one there was none. */
const SmtpError = Schema.Struct({
  code: Schema.optional(Schema.String),
  command: Schema.optional(Schema.String),
  responseCode: Schema.optional(Schema.Int)
})
const isSmtpError = Schema.is(SmtpError)
/**
 * An answer to one of these is about the mail; another is about us (the password, the connection), and so is what is said of the
 * sender, who is the same in every mail.
 */
const aboutTheMail = new Set(["EENVELOPE", "EMESSAGE"])
const aboutTheSender = "MAIL FROM"

const failureOf = (cause: unknown) => {
  if (!isSmtpError(cause)) return CallFailed.ofCause(cause)
  const { code = "", command, responseCode } = cause
  if (responseCode !== undefined && aboutTheMail.has(code)) {
    if (responseCode < 500) return new CallFailed({ isRetryable: true, mayHaveHappened: false, cause })
    if (command === aboutTheSender) return new CallFailed({ isRetryable: false, mayHaveHappened: false, cause })
    return new MailRefused({ code: responseCode })
  }
  // until DATA nothing can have been delivered
  const mayHaveHappened = command === "DATA" || code === "EMESSAGE"
  return new CallFailed({ isRetryable: code !== "EAUTH", mayHaveHappened, cause })
}

/**
 * Sends mail. A call returns once the mail server has taken the mail; where it may have taken it without our hearing of it
 * the call fails, and whoever calls again sends it again under the same Message-ID.
 */
export class Mailer extends Context.Service<
  Mailer,
  {
    /** False where no mail server is configured: then nothing is sent, and the log says that much of each mail. */
    readonly isThere: boolean
    send(mail: Mail): Effect.Effect<void, MailRefused | DownstreamUnavailable>
  }
>()("@mall/platform/mail/Mailer") {
  static readonly layer = Layer.effect(
    Mailer,
    Effect.gen(function* () {
      const url = yield* smtpUrl
      const from = yield* Config.String("MAIL_FROM").pipe(Config.withDefault("Mall <no-reply@mall.invalid>"))
      if (Option.isNone(url)) {
        return Mailer.of({
          isThere: false,
          send: ({ id }) => Effect.logWarning("A mail was not sent: SMTP_URL is not set", { mailId: id })
        })
      }
      const downstream = yield* Downstream.make("smtp", { timeout: Duration.seconds(10) })
      const patience = Duration.toMillis(downstream.policy.timeout)
      const transport = yield* Effect.acquireRelease(
        Effect.sync(() =>
          createTransport({
            url: Redacted.value(url.value),
            disableFileAccess: true,
            disableUrlAccess: true,
            connectionTimeout: patience,
            greetingTimeout: patience,
            socketTimeout: patience
          })
        ),
        (transport) => Effect.sync(() => transport.close())
      )
      const domain = /@([a-z0-9.-]+)/i.exec(from)?.[1] ?? "mall.invalid"

      const attempt = ({ id, ...mail }: Mail) =>
        Effect.tryPromise({
          try: () => transport.sendMail({ ...mail, from, messageId: `<${id}@${domain}>` }),
          catch: failureOf
        })

      const send = Effect.fn("Mailer.send")(function* (mail: Mail) {
        const checked = yield* Effect.orDie(Schema.decodeEffect(Mail)(mail))
        yield* downstream.call(attempt(checked), { operation: "send" })
      })
      return Mailer.of({ isThere: true, send })
    })
  )
}
