import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { SqlClient } from "effect/sql"
import { Payments } from "../src/lifecycle/Payments.ts"
import { askNow } from "./conformance/steps.ts"
import { awaitStatus, newOperationId } from "./TestPayments.ts"
import { begin, eventually, journeys, setUp } from "./ownJourneys.ts"
import { delivered, Merchants, TestTwoMerchants } from "./TwoMerchants.ts"
import type { Delivery } from "./TwoMerchants.ts"

/** A notice that was taken as this payment's. */
const awaitNotice = Effect.fnUntraced(function* (payment: string, eventType: RegExp) {
  const sql = yield* SqlClient.SqlClient
  yield* eventually(
    `a notice ${eventType}`,
    Effect.map(
      sql<{ readonly eventType: string; readonly status: string }>`
        SELECT event_type, status FROM payments.callback_inbox WHERE payment_id = ${payment}`,
      (rows) => rows.find(({ eventType: type, status }) => eventType.test(type) && status === "processed")
    )
  )
})

const replay = Effect.fnUntraced(function* (url: string, { body, headers }: Delivery) {
  const http = yield* HttpClient.HttpClient
  const { "content-length": _length, connection: _connection, host: _host, ...rest } = headers
  return yield* http.execute(
    HttpClientRequest.post(url).pipe(
      HttpClientRequest.setHeaders(rest),
      HttpClientRequest.bodyUint8Array(body, headers["content-type"] ?? "application/json")
    )
  )
})

/** Refusals by the channel's seal at an address, whatever the reason is called. */
const refusals = Effect.fnUntraced(function* (channel: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    SELECT id FROM payments.security_events WHERE kind = 'callback_refused' AND channel = ${channel}`
  return rows.length
})

layer(TestTwoMerchants, { excludeTestServices: true, timeout: "60 seconds" })("a merchant's own account", (it) => {
  for (const journey of journeys) {
    const { channel } = journey

    it.effect(`at ${channel} takes a payment, tells of it by a signed notice, and gives it back`, () =>
      Effect.gen(function* () {
        const { a, b } = yield* Merchants
        const set = yield* setUp(a, journey)
        const { attempt, payment } = yield* begin(a, journey)
        assert.strictEqual(yield* b.pay(channel, attempt), 404)
        assert.strictEqual(yield* a.pay(channel, attempt), 200)
        yield* awaitStatus(payment, "succeeded")
        yield* awaitNotice(payment, /SUCCESS|PAYMENT|COMPLETED|succeeded|APPROVED/)

        const sql = yield* SqlClient.SqlClient
        const tries = yield* sql<{ readonly credentialId: string | null }>`
          SELECT credential_id FROM payments.attempts WHERE payment_id = ${payment}`
        assert.deepStrictEqual(tries, [{ credentialId: set.id }])

        const payments = yield* Payments
        yield* payments.refund(payment, { reason: "returned" }, a.principal, yield* newOperationId)
        // where the notice tells no amount, the channel is asked, as the sweep does
        yield* eventually(
          "the refund",
          Effect.andThen(
            askNow(payment),
            Effect.map(payments.show(payment, a.principal), ({ status }) =>
              status === "refunded" ? status : undefined
            )
          )
        )
      })
    )

    it.effect(`at ${channel} does not believe what another's account says`, () =>
      Effect.gen(function* () {
        const { a, b } = yield* Merchants
        const [ofA] = yield* Effect.all([setUp(a, journey), setUp(b, journey)])
        const { attempt, payment } = yield* begin(b, journey)
        const before = delivered.length
        assert.strictEqual(yield* b.pay(channel, attempt), 200)
        yield* awaitStatus(payment, "succeeded")
        const genuine = yield* eventually(
          "the notice of B's channel",
          Effect.sync(() => delivered.slice(before).find(({ path }) => path.endsWith(`/${channel}/${b.id}`)))
        )
        assert.isDefined(genuine)
        const refusedBefore = yield* refusals(channel)
        const answer = yield* replay(ofA.notifyUrl, genuine ?? { path: "", headers: {}, body: new Uint8Array() })
        const text = yield* answer.text
        assert.isTrue(answer.status >= 400 || /fail/i.test(text), `${answer.status} ${text}`)
        yield* eventually(
          "the refusal",
          Effect.map(refusals(channel), (now) => (now > refusedBefore ? now : undefined))
        )
      })
    )
  }
})
