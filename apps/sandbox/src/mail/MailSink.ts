import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import type { AddressInfo } from "node:net"
import type { Readable } from "node:stream"
import { buffer } from "node:stream/consumers"
import PostalMime from "postal-mime"
import { SMTPServer } from "smtp-server"
import { SandboxConfig } from "../SandboxConfig.ts"
import { SandboxUnavailable } from "../SandboxUnavailable.ts"

/** A mail that came, as its reader sees it. `recipients` are those of the envelope. */
export interface ReceivedMail {
  readonly messageId: string
  readonly receivedAt: string
  readonly from: string
  readonly recipients: ReadonlyArray<string>
  readonly subject: string
  readonly text: string
}

const capacity = 500
const maxBytes = 1_048_576

class UnreadableMail extends Schema.TaggedError<UnreadableMail>()("UnreadableMail", { cause: Schema.Defect() }) {}

/** Where a mail to one of these mailboxes goes wrong, as a server on the way might do it. */
const refusals: Readonly<Record<string, { readonly responseCode: number; readonly text: string }>> = {
  "no-such-mailbox": { responseCode: 550, text: "no such mailbox" },
  greylisted: { responseCode: 451, text: "try again later" }
}

const refusalOf = (address: string) => {
  const refusal = refusals[address.split("@")[0] ?? ""]
  return refusal === undefined
    ? undefined
    : Object.assign(new Error(refusal.text), { responseCode: refusal.responseCode })
}

const whyNotListening = (host: string, port: number, cause: unknown) =>
  `The sandbox's mail server cannot listen on ${host}:${port}: ${String(cause)}. Set SANDBOX_SMTP_PORT to a free port.`

/**
 * A mail server that takes every mail and delivers none: it keeps the newest in memory, where people and tests read them.
 * A mail to `no-such-mailbox@…` is refused for good, one to `greylisted@…` for now.
 */
export class MailSink extends Context.Service<
  MailSink,
  {
    /** `smtp://host:port`. */
    readonly url: string
    /** Newest first. */
    readonly mails: Effect.Effect<ReadonlyArray<ReceivedMail>>
    readonly clear: Effect.Effect<void>
  }
>()("@mall/sandbox/mail/MailSink") {
  static readonly layer = Layer.effect(
    MailSink,
    Effect.gen(function* () {
      const { host, smtpPort } = yield* SandboxConfig
      const context = yield* Effect.context()
      let received: ReadonlyArray<ReceivedMail> = []

      const receive = Effect.fnUntraced(function* (stream: Readable, recipients: ReadonlyArray<string>) {
        const readable = { catch: (cause: unknown) => new UnreadableMail({ cause }) }
        const bytes = yield* Effect.tryPromise({ try: () => buffer(stream), ...readable })
        const mail = yield* Effect.tryPromise({ try: () => PostalMime.parse(bytes), ...readable })
        const receivedAt = DateTime.formatIso(yield* DateTime.now)
        const { from, messageId = "", subject = "", text = "" } = mail
        const one = { messageId, receivedAt, from: from?.address ?? "", recipients, subject, text }
        received = [one, ...received].slice(0, capacity)
      })

      const server = new SMTPServer({
        authOptional: true,
        disabledCommands: ["STARTTLS"],
        disableReverseLookup: true,
        size: maxBytes,
        closeTimeout: 500,
        onAuth: (auth, _session, done) => done(null, { user: auth.username ?? "" }),
        onRcptTo: ({ address }, _session, done) => done(refusalOf(address)),
        onData: (stream, session, done) => {
          const recipients = session.envelope.rcptTo.map(({ address }) => address)
          Effect.runForkWith(context)(
            Effect.matchCause(receive(stream, recipients), {
              onFailure: () => done(new Error("the mail cannot be read")),
              onSuccess: () => done()
            })
          )
        }
      })
      const address = yield* Effect.acquireRelease(
        Effect.callback<AddressInfo, SandboxUnavailable>((resume) => {
          const fail = (cause: unknown) =>
            resume(Effect.fail(new SandboxUnavailable({ reason: whyNotListening(host, smtpPort, cause) })))
          server.once("error", fail)
          const listener = server.listen(smtpPort, host, () => {
            server.off("error", fail)
            // a client that hangs up in the middle of a mail is no concern of the process
            server.on("error", () => {})
            const bound = listener.address()
            resume(bound === null || typeof bound === "string" ? Effect.die(bound) : Effect.succeed(bound))
          })
        }),
        () => Effect.callback<void>((resume) => server.close(() => resume(Effect.void)))
      )

      return MailSink.of({
        url: `smtp://${Option.getOrElse(loopbackOf(host), () => host)}:${address.port}`,
        mails: Effect.sync(() => received),
        clear: Effect.sync(() => {
          received = []
        })
      })
    })
  )
}

/** A server that listens on every address is reached on this machine by the loopback one. */
const loopbackOf = (host: string) =>
  host === "0.0.0.0" ? Option.some("127.0.0.1") : host.includes(":") ? Option.some(`[${host}]`) : Option.none()
