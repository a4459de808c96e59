import { assert, it } from "@effect/vitest"
import { Mailer, MailRefused } from "@mall/platform/mail/Mailer"
import { ConfigProvider, Effect, Layer, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientResponse } from "effect/http"
import { CircuitBreaker } from "effect/persistence"
import { Sandbox } from "../src/Sandbox.ts"
import { temporaryFolder } from "./TestMerchant.ts"

const Mails = Schema.Struct({
  data: Schema.Array(
    Schema.Struct({
      messageId: Schema.String,
      recipients: Schema.Array(Schema.String),
      subject: Schema.String,
      text: Schema.String
    })
  )
})

const configuration = (settings: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(settings))

it.live("takes mails over SMTP and shows them to people and to programs", () =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    yield* Effect.gen(function* () {
      const { smtpUrl, url } = yield* Sandbox
      const Mailing = Layer.fresh(Mailer.layer).pipe(
        Layer.provide([CircuitBreaker.layerStoreMemory(), configuration({ SMTP_URL: smtpUrl })])
      )
      const send = (id: string, to: string) =>
        Effect.flatMap(Mailer, (mailer) =>
          mailer.send({ id, to, subject: "<b>验证码</b>", text: "您的验证码是 123456" })
        )
      yield* Effect.gen(function* () {
        yield* send("one", "ann@mall.test")
        yield* send("two", "bo@mall.test")
        assert.instanceOf(yield* Effect.flip(send("three", "no-such-mailbox@mall.test")), MailRefused)
      }).pipe(Effect.provide(Mailing, { local: true }))

      const http = yield* HttpClient.HttpClient
      const mailsOf = (query: string) =>
        Effect.flatMap(http.get(`${url}/control/mails${query}`), HttpClientResponse.schemaBodyJson(Mails))
      const all = yield* mailsOf("")
      assert.deepStrictEqual(
        all.data.map(({ recipients }) => recipients),
        [["bo@mall.test"], ["ann@mall.test"]]
      )
      const [anns] = (yield* mailsOf("?to=ann%40mall.test")).data
      assert.strictEqual(anns?.text.trim(), "您的验证码是 123456")
      const shown = yield* Effect.flatMap(http.get(`${url}/mails`), (response) => response.text)
      assert.include(shown, "123456")
      assert.include(shown, "&lt;b&gt;")
      yield* http.post(`${url}/control/reset`)
      assert.deepStrictEqual((yield* mailsOf("")).data, [])
    }).pipe(
      Effect.provide(
        Layer.merge(
          Sandbox.layer.pipe(Layer.provide(configuration({ SANDBOX_PORT: "0", MALL_DATA_DIR: folder }))),
          FetchHttpClient.layer
        ),
        { local: true }
      )
    )
  })
)
