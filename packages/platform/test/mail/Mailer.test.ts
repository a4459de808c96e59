import { assert, it } from "@effect/vitest"
import { DownstreamUnavailable } from "@mall/platform/DownstreamError"
import { Mailer, MailRefused } from "@mall/platform/mail/Mailer"
import { ConfigProvider, Context, Effect, Layer, Logger } from "effect"
import { CircuitBreaker } from "effect/persistence"
import type { AddressInfo } from "node:net"
import { createServer } from "node:net"
import { text } from "node:stream/consumers"
import PostalMime from "postal-mime"
import { SMTPServer } from "smtp-server"

interface Taken {
  readonly raw: string
  readonly recipients: ReadonlyArray<string>
}

/** A mail server on a port of its own; `answer` says to each recipient no with that code. */
const mailServer = Effect.fnUntraced(function* (answer: (attempt: number) => number | undefined = () => undefined) {
  const taken: Array<Taken> = []
  let attempts = 0
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    closeTimeout: 10,
    onRcptTo: (_address, _session, done) => {
      const code = answer(attempts++)
      done(code === undefined ? undefined : Object.assign(new Error("no"), { responseCode: code }))
    },
    onData: (stream, session, done) => {
      void text(stream).then((raw) => {
        taken.push({ raw, recipients: session.envelope.rcptTo.map(({ address }) => address) })
        done()
      })
    }
  })
  const port = yield* Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      const listener = server.listen(0, "127.0.0.1", () =>
        resume(Effect.succeed((listener.address() as AddressInfo).port))
      )
    }),
    () => Effect.callback<void>((resume) => server.close(() => resume(Effect.void)))
  )
  return { taken, attempts: () => attempts, url: `smtp://127.0.0.1:${port}` }
})

const mailerOf = (settings: Record<string, string>) =>
  Effect.map(
    Layer.build(
      Layer.fresh(Mailer.layer).pipe(
        Layer.provide(CircuitBreaker.layerStoreMemory()),
        Layer.provide(
          ConfigProvider.layer(ConfigProvider.fromUnknown({ DOWNSTREAM_SMTP_RETRY_DELAY: "1 millis", ...settings }))
        )
      )
    ),
    (context) => Context.get(context, Mailer)
  )

const mail = { id: "m-1", to: "ann@mall.test", subject: "验证码", text: "您的验证码是 000000" }

it.live("hands the mail to the server as it is, with the same Message-ID each time", () =>
  Effect.gen(function* () {
    const server = yield* mailServer()
    const mailer = yield* mailerOf({ SMTP_URL: server.url, MAIL_FROM: "Shop <shop@mall.test>" })
    assert.isTrue(mailer.isThere)
    yield* mailer.send(mail)
    yield* mailer.send(mail)
    assert.deepStrictEqual(
      server.taken.map(({ recipients }) => recipients),
      [["ann@mall.test"], ["ann@mall.test"]]
    )
    for (const { raw } of server.taken) {
      const parsed = yield* Effect.promise(() => PostalMime.parse(raw))
      assert.strictEqual(parsed.messageId, "<m-1@mall.test>")
      assert.strictEqual(parsed.subject, mail.subject)
      assert.strictEqual(parsed.text?.trim(), mail.text)
      assert.strictEqual(parsed.from?.address, "shop@mall.test")
    }
  })
)

it.live("gives up at once on a mailbox that does not exist, and tries again where the server says later", () =>
  Effect.gen(function* () {
    const strict = yield* mailServer(() => 550)
    const refused = yield* Effect.flip((yield* mailerOf({ SMTP_URL: strict.url })).send(mail))
    assert.instanceOf(refused, MailRefused)
    assert.strictEqual(strict.attempts(), 1)
    const busy = yield* mailServer((attempt) => (attempt < 2 ? 451 : undefined))
    yield* (yield* mailerOf({ SMTP_URL: busy.url })).send(mail)
    assert.strictEqual(busy.taken.length, 1)
  })
)

it.live("a dead server fails the call without effect, and opens the breaker", () =>
  Effect.gen(function* () {
    const mailer = yield* mailerOf({ SMTP_URL: "smtp://127.0.0.1:1", DOWNSTREAM_SMTP_BREAKER_FAILURES: "1" })
    const first = yield* Effect.flip(mailer.send(mail))
    assert(first instanceof DownstreamUnavailable)
    assert.isFalse(first.mayHaveHappened)
    const second = yield* Effect.flip(mailer.send(mail))
    assert(second instanceof DownstreamUnavailable)
    assert.strictEqual(second.reason, "open")
  })
)

it.live("a server that accepts and never speaks does not hold the call beyond its time", () =>
  Effect.gen(function* () {
    const mute = createServer(() => {})
    const port = yield* Effect.acquireRelease(
      Effect.callback<number>((resume) => {
        mute.listen(0, "127.0.0.1", () => resume(Effect.succeed((mute.address() as AddressInfo).port)))
      }),
      () => Effect.sync(() => mute.close())
    )
    const mailer = yield* mailerOf({
      SMTP_URL: `smtp://127.0.0.1:${port}`,
      DOWNSTREAM_SMTP_TIMEOUT: "100 millis",
      DOWNSTREAM_SMTP_MAX_ATTEMPTS: "1"
    })
    assert.instanceOf(yield* Effect.flip(mailer.send(mail)), DownstreamUnavailable)
  })
)

it.live("lets nothing through that is more than one address or one line", () =>
  Effect.gen(function* () {
    const server = yield* mailServer()
    const mailer = yield* mailerOf({ SMTP_URL: server.url })
    const bad = [
      { ...mail, to: "ann@mall.test, eve@mall.test" },
      { ...mail, to: "ann@mall.test\r\nBcc: eve@mall.test" },
      { ...mail, to: "Ann <ann@mall.test>" },
      { ...mail, subject: "hi\r\nBcc: eve@mall.test" },
      { ...mail, id: "m>\r\nX: y" }
    ]
    for (const each of bad) {
      const exit = yield* Effect.exit(mailer.send(each))
      assert.strictEqual(exit._tag, "Failure", JSON.stringify(each))
    }
    assert.deepStrictEqual(server.taken, [])
  })
)

it.live("without a server nothing is sent, and the log names the mail but not what is in it", () =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const recorder = Logger.layer([Logger.map(Logger.formatJson, (line) => lines.push(line))])
    const mailer = yield* mailerOf({})
    assert.isFalse(mailer.isThere)
    yield* Effect.provide(mailer.send(mail), recorder)
    assert.strictEqual(lines.length, 1)
    assert.include(lines[0], "m-1")
    assert.notInclude(lines[0], "000000")
    assert.notInclude(lines[0], "ann@")
  })
)

it.live("is not told no about a mail where the server takes none of ours", () =>
  Effect.gen(function* () {
    const server = new SMTPServer({ hideSTARTTLS: true, allowInsecureAuth: true, closeTimeout: 10 })
    const port = yield* Effect.acquireRelease(
      Effect.callback<number>((resume) => {
        const listener = server.listen(0, "127.0.0.1", () =>
          resume(Effect.succeed((listener.address() as AddressInfo).port))
        )
      }),
      () => Effect.callback<void>((resume) => server.close(() => resume(Effect.void)))
    )
    // `SMTP_URL` without the name and password that the server asks for: it answers 530 to MAIL FROM
    const mailer = yield* mailerOf({ SMTP_URL: `smtp://127.0.0.1:${port}` })
    const error = yield* Effect.flip(mailer.send(mail))
    assert.instanceOf(error, DownstreamUnavailable)
    assert.include(error, { isRetryable: false, mayHaveHappened: false })
  })
)
