import { assert, layer } from "@effect/vitest"
import { Email } from "@mall/domain/identity/User"
import { EmailCodes } from "@mall/identity/signin/EmailCodes"
import { IdentityLayer } from "@mall/identity/Identity"
import { SecretKey } from "@mall/identity/tokens/SecretKey"
import { sealCodeLetter } from "@mall/identity/signin/codeLetter"
import { SentMails } from "@mall/identity/signin/SentMails"
import * as SignInMails from "@mall/identity/signin/SignInMails"
import { DefaultSmtpUrl } from "@mall/platform/mail/smtpUrl"
import { Outbox } from "@mall/platform/Outbox"
import { MailSink } from "@mall/sandbox/mail/MailSink"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, Effect, Layer, Option, Redacted, Schedule, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"

const configuration = ConfigProvider.layer(
  ConfigProvider.fromUnknown({
    MALL_SECRET_KEY: "0123456789abcdef0123456789abcdef",
    DOWNSTREAM_SMTP_RETRY_DELAY: "1 millis"
  })
)

const SinkUrl = Layer.effect(
  DefaultSmtpUrl,
  Effect.map(MailSink, ({ url }) => Option.some(Redacted.make(url)))
)

const Mall = SignInMails.subscriptions.pipe(
  Layer.provideMerge(SignInMails.SignInMails.layer),
  Layer.provideMerge(Layer.mergeAll(IdentityLayer, SecretKey.layer)),
  Layer.provide(Outbox.layer),
  Layer.provide(CircuitBreaker.layerStoreMemory()),
  Layer.provide(SinkUrl),
  Layer.provideMerge(MailSink.layer),
  Layer.provide(configuration),
  Layer.provideMerge(TestDatabase)
)

const email = Schema.decodeUnknownSync(Email)

const mailsTo = (to: string) =>
  Effect.flatMap(MailSink, ({ mails }) =>
    Effect.map(mails, (all) => all.filter((mail) => mail.recipients.includes(to)))
  )

/** The time limit of the test is what ends it otherwise. */
const firstMailTo = (to: string) =>
  Effect.retry(
    Effect.flatMap(mailsTo(to), (mails) => Effect.fromNullishOr(mails[0])),
    Schedule.spaced("5 millis")
  )

layer(Mall, { excludeTestServices: true })("mails about signing in, over SMTP", (it) => {
  it.effect("bring the code to who asked for it, who comes back with it", () =>
    Effect.gen(function* () {
      const codes = yield* EmailCodes
      const who = { email: email("smtp@mall.test"), purpose: "register" } as const
      yield* codes.request(who)
      const mail = yield* firstMailTo(who.email)
      const code = /\d{6}/.exec(mail.text)?.[0] ?? ""
      assert.include(mail.subject, code)
      assert.isTrue(yield* codes.redeem({ ...who, deviceId: null }, Redacted.make(code)))
    })
  )

  it.effect("come once, though the message is handled twice at different times", () =>
    Effect.gen(function* () {
      const { handle } = yield* SignInMails.SignInMails
      const codes = yield* EmailCodes
      const to = email("twice@mall.test")
      yield* codes.request({ email: to, purpose: "register" })
      const first = yield* firstMailTo(to)
      const id = /^<([0-9a-f-]+)@/.exec(first.messageId)?.[1] ?? ""
      const secret = yield* SecretKey
      const letter = yield* sealCodeLetter(secret, id, { email: to, code: "123456" })
      const again = { _tag: "Code", id, letter, purpose: "register", locale: null } as const
      // noted as sent just after the server took the first
      const sent = yield* SentMails
      const noted = Effect.flatMap(sent.has(id), (isSent) => (isSent ? Effect.void : Effect.fail("not yet" as const)))
      yield* Effect.retry(noted, Schedule.spaced("5 millis"))
      yield* handle({ ...again, expiresAt: new Date("2999-01-01") })
      assert.strictEqual((yield* mailsTo(to)).length, 1)
    })
  )

  it.effect("that a server refuses for good are not tried again, and hold nobody else's up", () =>
    Effect.gen(function* () {
      const codes = yield* EmailCodes
      yield* codes.request({ email: email("no-such-mailbox@mall.test"), purpose: "register" })
      yield* codes.request({ email: email("after@mall.test"), purpose: "register" })
      yield* firstMailTo("after@mall.test")
      assert.deepStrictEqual(yield* mailsTo("no-such-mailbox@mall.test"), [])
    })
  )
})
