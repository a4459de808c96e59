import { assert, layer } from "@effect/vitest"
import { ChannelId } from "@mall/domain/payments/Payment"
import type { AttemptId } from "@mall/domain/payments/Payment"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { Notifications } from "@mall/platform/Notifications"
import { Cause, Clock, Context, Effect, Layer, Option, Schedule } from "effect"
import { HttpBody, HttpClient, HttpClientRequest } from "effect/http"
import { CircuitBreaker } from "effect/persistence"
import { SqlClient } from "effect/sql"
import { createHmac } from "node:crypto"
import { inspect } from "node:util"
import { toHexId } from "../src/channel/hexId.ts"
import { Confirmations } from "../src/lifecycle/Confirmations.ts"
import { ChannelCredentials } from "../src/credentials/ChannelCredentials.ts"
import { OwnAccountCache } from "../src/credentials/OwnAccountCache.ts"
import { Payments } from "../src/lifecycle/Payments.ts"
import { awaitStatus, cny, newOperationId, wechatpay } from "./TestPayments.ts"
import { logged, Merchants, stripe, stripeOf, TestTwoMerchants } from "./TwoMerchants.ts"
import type { Merchant } from "./TwoMerchants.ts"

const reason = "own account"

const setBoth = Effect.fnUntraced(function* ({ id, stripe: keys, wechatpay: account }: Merchant) {
  const credentials = yield* ChannelCredentials
  return [
    yield* credentials.set(id, { channel: stripe, credentials: keys, reason }, "test"),
    yield* credentials.set(id, { channel: wechatpay, credentials: account, reason }, "test")
  ] as const
})

const aPaymentOf = Effect.fnUntraced(function* ({ principal }: Merchant) {
  const payments = yield* Payments
  return yield* payments.create(
    { amount: cny(1999), reference: "order-1", description: "Two shirts" },
    principal,
    yield* newOperationId
  )
})

const confirm = Effect.fnUntraced(function* (merchant: Merchant, id: PaymentId, channel: ChannelId) {
  const confirmations = yield* Confirmations
  return yield* confirmations.confirm(id, { channel }, merchant.principal)
})

/** Has the merchant's Stripe send events to `url`, as its owner does in the dashboard. */
const tellStripe = Effect.fnUntraced(function* ({ sandbox, secrets: [key] }: Merchant, url: string) {
  const http = yield* HttpClient.HttpClient
  return yield* http.execute(
    HttpClientRequest.post(`${sandbox}/stripe/v1/webhook_endpoints`).pipe(
      HttpClientRequest.bearerToken(key ?? ""),
      HttpClientRequest.setBody(HttpBody.urlParams({ url, "enabled_events[0]": "*" } as never))
    )
  )
})

const accountOfAttempt = Effect.fnUntraced(function* (id: PaymentId) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly credentialId: string | null }>`
    SELECT credential_id FROM payments.attempts WHERE payment_id = ${id} ORDER BY id DESC`
  return rows[0]?.credentialId
})

const statusOf = Effect.fnUntraced(function* ({ principal }: Merchant, id: PaymentId) {
  const payments = yield* Payments
  return (yield* payments.show(id, principal)).status
})

/** A query that is asked until it finds at least `count` rows. */
const awaitRows = Effect.fnUntraced(function* <E, R>(
  query: Effect.Effect<ReadonlyArray<unknown>, E, R>,
  count: number
) {
  yield* query.pipe(
    Effect.repeat({ until: (rows) => rows.length >= count, schedule: Schedule.spaced("10 millis") }),
    Effect.timeout("10 seconds")
  )
})

/** Notices whose signature did not hold. */
const awaitRefusals = (channel: ChannelId, count: number) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    awaitRows(
      sql`SELECT id FROM payments.security_events
        WHERE kind = 'callback_refused' AND channel = ${channel} AND details->>'reason' = 'signature'`,
      count
    )
  )

const awaitParked = (id: PaymentId) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    awaitRows(sql`SELECT id FROM payments.callback_inbox WHERE payment_id = ${id} AND status = 'parked'`, 1)
  )

/** An event that Stripe never sent, signed with a merchant's own secret, which they know. */
const forge = Effect.fnUntraced(function* (url: string, secret: string, attempt: AttemptId) {
  const http = yield* HttpClient.HttpClient
  const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const body = JSON.stringify({
    ...{ id: "evt_forged", object: "event", type: "payment_intent.succeeded", created: now, livemode: false },
    data: {
      object: {
        ...{ id: "pi_forged", object: "payment_intent", amount: 1999, amount_received: 1999, currency: "cny" },
        ...{ status: "succeeded", livemode: false, metadata: { attempt_id: toHexId(attempt) } }
      }
    }
  })
  const signature = createHmac("sha256", secret).update(`${now}.${body}`).digest("hex")
  return yield* http.execute(
    HttpClientRequest.post(url).pipe(
      HttpClientRequest.setHeader("stripe-signature", `t=${now},v1=${signature}`),
      HttpClientRequest.bodyText(body, "application/json")
    )
  )
})

/** The accounts as another process on the same database and the same keys knows them. */
const anotherProcess = Effect.gen(function* () {
  const services = yield* Layer.build(
    Layer.fresh(OwnAccountCache.layerNoDeps).pipe(
      Layer.provide(Layer.fresh(Notifications.layer)),
      Layer.provide(CircuitBreaker.layerStoreMemory())
    )
  )
  return Context.get(services, OwnAccountCache)
})

layer(TestTwoMerchants, { excludeTestServices: true, timeout: "60 seconds" })("accounts of merchants", (it) => {
  it.effect("take the payments of their own merchant, and everybody else's go to the platform", () =>
    Effect.gen(function* () {
      const { a, b } = yield* Merchants
      const before = yield* aPaymentOf(a)
      yield* confirm(a, before.id, wechatpay)
      assert.strictEqual(yield* accountOfAttempt(before.id), null)

      const [, ofA] = yield* setBoth(a)
      const payment = yield* aPaymentOf(a)
      const step = yield* confirm(a, payment.id, wechatpay)
      assert.strictEqual(yield* accountOfAttempt(payment.id), ofA.id)
      // the order is at A's stand-in, and at no other
      assert.strictEqual(yield* b.pay("wechatpay", step.attempt.id), 404)
      assert.strictEqual(yield* a.pay("wechatpay", step.attempt.id), 200)
      yield* awaitStatus(payment.id, "succeeded")

      const payments = yield* Payments
      yield* payments.refund(payment.id, { reason: "returned" }, a.principal, yield* newOperationId)
      yield* awaitStatus(payment.id, "refunded")
    })
  )

  it.effect("believe what their own channel account says, and nothing that another's says", () =>
    Effect.gen(function* () {
      const { a, b, ours } = yield* Merchants
      const [stripeOfA] = yield* setBoth(a)
      const [stripeOfB] = yield* setBoth(b)
      yield* tellStripe(a, stripeOfA.notifyUrl)
      // B's channel sends to A's address, to the platform's, and to that of nobody
      yield* tellStripe(b, stripeOfA.notifyUrl)
      yield* tellStripe(b, `${ours}/callbacks/stripe`)

      const ofB = yield* aPaymentOf(b)
      const stepOfB = yield* confirm(b, ofB.id, stripe)
      assert.strictEqual(yield* b.pay("stripe", stepOfB.attempt.id), 200)
      yield* awaitRefusals(stripe, 2)
      assert.strictEqual(yield* statusOf(b, ofB.id), "processing")
      // it was the address that was wrong, not the notice
      yield* tellStripe(b, stripeOfB.notifyUrl)
      const again = yield* aPaymentOf(b)
      const stepAgain = yield* confirm(b, again.id, stripe)
      yield* b.pay("stripe", stepAgain.attempt.id)
      yield* awaitStatus(again.id, "succeeded")

      const ofA = yield* aPaymentOf(a)
      const stepOfA = yield* confirm(a, ofA.id, stripe)
      yield* a.pay("stripe", stepOfA.attempt.id)
      yield* awaitStatus(ofA.id, "succeeded")
    })
  )

  it.effect("do not let a merchant tell of another's payment, though they sign it rightly", () =>
    Effect.gen(function* () {
      const { a, b } = yield* Merchants
      const [stripeOfA] = yield* setBoth(a)
      yield* setBoth(b)
      const ofB = yield* aPaymentOf(b)
      const { attempt } = yield* confirm(b, ofB.id, stripe)
      const answer = yield* forge(stripeOfA.notifyUrl, a.secrets[1] ?? "", attempt.id)
      // it is theirs, and so it is taken; what it says is about nothing of theirs
      assert.strictEqual(answer.status, 200)
      yield* awaitParked(ofB.id)
      assert.strictEqual(yield* statusOf(b, ofB.id), "processing")
    })
  )

  it.effect("go on with the former credentials where a payment began with them, also after the change", () =>
    Effect.gen(function* () {
      const { a, b } = yield* Merchants
      const credentials = yield* ChannelCredentials
      const [, former] = yield* setBoth(a)
      // what the tests before this one left: another version of the same account would stand in for the former one
      for (const { channel, id, status } of yield* credentials.list(a.id)) {
        if (channel === wechatpay && status === "former") yield* credentials.retire({ id, reason }, "test")
      }
      const payment = yield* aPaymentOf(a)
      const { attempt } = yield* confirm(a, payment.id, wechatpay)
      // A moves to an account that the sandbox of B knows
      const now = yield* credentials.set(a.id, { channel: wechatpay, credentials: b.wechatpay, reason }, "test")
      assert.notStrictEqual(now.account, former.account)
      assert.strictEqual(
        (yield* Effect.flip(credentials.retire({ id: former.id, reason }, "test")))._tag,
        "CredentialsInUse"
      )

      assert.strictEqual(yield* a.pay("wechatpay", attempt.id), 200)
      yield* awaitStatus(payment.id, "succeeded")
      const payments = yield* Payments
      yield* payments.refund(payment.id, { reason: "returned" }, a.principal, yield* newOperationId)
      yield* awaitStatus(payment.id, "refunded")

      const next = yield* aPaymentOf(a)
      yield* confirm(a, next.id, wechatpay)
      assert.strictEqual(yield* accountOfAttempt(next.id), now.id)

      const retired = yield* credentials.retire({ id: former.id, reason: "done" }, "test")
      assert.strictEqual(retired.status, "retired")
      const sql = yield* SqlClient.SqlClient
      assert.deepStrictEqual(yield* sql`SELECT sealed FROM payments.channel_credentials WHERE id = ${former.id}`, [
        { sealed: null }
      ])
    })
  )

  it.effect("keep the last version of an account while a try of a retired one that it stands in for is open", () =>
    Effect.gen(function* () {
      const { a, b } = yield* Merchants
      const credentials = yield* ChannelCredentials
      const set = (account: Merchant["wechatpay"]) =>
        credentials.set(a.id, { channel: wechatpay, credentials: account, reason }, "test")
      const first = yield* set(a.wechatpay)
      // what the tests before this one left
      for (const { account, id, status } of yield* credentials.list(a.id)) {
        if (account === first.account && status === "former") yield* credentials.retire({ id, reason }, "test")
      }
      const payment = yield* aPaymentOf(a)
      const { attempt } = yield* confirm(a, payment.id, wechatpay)
      // the keys change, and then the account
      const second = yield* set(a.wechatpay)
      yield* set(b.wechatpay)
      assert.strictEqual((yield* credentials.retire({ id: first.id, reason }, "test")).status, "retired")
      const refused = yield* Effect.flip(credentials.retire({ id: second.id, reason }, "test"))
      assert.deepInclude(refused, { _tag: "CredentialsInUse", open: 1 })

      assert.strictEqual(yield* a.pay("wechatpay", attempt.id), 200)
      yield* awaitStatus(payment.id, "succeeded")
      assert.strictEqual((yield* credentials.retire({ id: second.id, reason }, "test")).status, "retired")
    })
  )

  it.effect("leave the payments after a removal to the platform", () =>
    Effect.gen(function* () {
      const { b } = yield* Merchants
      const credentials = yield* ChannelCredentials
      yield* setBoth(b)
      yield* credentials.remove(b.id, { channel: wechatpay, reason }, "test")
      const payment = yield* aPaymentOf(b)
      yield* confirm(b, payment.id, wechatpay)
      assert.strictEqual(yield* accountOfAttempt(payment.id), null)
      const error = yield* Effect.flip(credentials.remove(b.id, { channel: wechatpay, reason }, "test"))
      assert.strictEqual(error._tag, "CredentialsNotFound")
    })
  )

  it.effect("stop for one merchant only where their key is wrong", () =>
    Effect.gen(function* () {
      const { a, b } = yield* Merchants
      const credentials = yield* ChannelCredentials
      yield* setBoth(a)
      yield* setBoth(b)
      const wrong = stripeOf(
        { secretKey: "sk_test_wrong", publishableKey: "pk_test_a", webhookSecret: "whsec_wrong" },
        "acct_wrong"
      )
      yield* credentials.set(a.id, { channel: stripe, credentials: wrong, reason }, "test")
      for (let round = 0; round < 5; round++) {
        const payment = yield* aPaymentOf(a)
        yield* Effect.flip(confirm(a, payment.id, stripe))
      }
      const payment = yield* aPaymentOf(b)
      assert.strictEqual((yield* confirm(b, payment.id, stripe)).status, "processing")
    })
  )

  it.effect("stop their channel, and never go elsewhere, where they cannot be read", () =>
    Effect.gen(function* () {
      const { a } = yield* Merchants
      const [, now] = yield* setBoth(a)
      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE payments.channel_credentials SET sealed = sealed || '\\x00'::bytea WHERE id = ${now.id}`
      const cache = yield* OwnAccountCache
      yield* cache.changed(a.id)
      const payment = yield* aPaymentOf(a)
      // the adapter that was made is kept: the damage is seen by a process that makes it anew
      const other = yield* anotherProcess
      const channels = yield* other.get(a.id)
      assert.isTrue(Option.isNone(channels.find(wechatpay)))
      assert.isFalse(channels.offered("CNY", null).includes(wechatpay))
      assert.isFalse(JSON.stringify(payment).includes("sealed"))
    })
  )

  it.effect("change in every process at once", () =>
    Effect.gen(function* () {
      const { b } = yield* Merchants
      const other = yield* anotherProcess
      yield* setBoth(b)
      const credentials = yield* ChannelCredentials
      const idThere = Effect.map(other.get(b.id), ({ find }) => Option.getOrUndefined(find(stripe))?.own?.credentialId)
      yield* idThere
      const now = yield* credentials.set(b.id, { channel: stripe, credentials: b.stripe, reason }, "test")
      yield* idThere.pipe(
        Effect.repeat({ until: (id) => id === now.id, schedule: Schedule.spaced("5 millis") }),
        Effect.timeout("10 seconds")
      )
    })
  )

  it.effect("are written once, whoever sets them at the same time, and are told of with their history", () =>
    Effect.gen(function* () {
      const { a } = yield* Merchants
      const credentials = yield* ChannelCredentials
      yield* Effect.forEach(
        Array.from({ length: 8 }),
        () => credentials.set(a.id, { channel: stripe, credentials: a.stripe, reason }, "test"),
        { concurrency: "unbounded" }
      )
      const all = (yield* credentials.list(a.id)).filter(({ channel }) => channel === stripe)
      assert.strictEqual(all.filter(({ status }) => status === "current").length, 1)
      assert.strictEqual(new Set(all.map(({ version }) => version)).size, all.length)
      assert.deepStrictEqual(
        all.at(-1)?.history.map(({ change }) => change),
        ["set", "superseded"]
      )
    })
  )

  it.effect("name the fields that are wrong, and never what was in them", () =>
    Effect.gen(function* () {
      const { a } = yield* Merchants
      const credentials = yield* ChannelCredentials
      const given = stripeOf({ secretKey: "whsec_swapped-by-mistake", sk_live_pasted: "x" }, "acct_1")
      const error = yield* Effect.flip(credentials.set(a.id, { channel: stripe, credentials: given, reason }, "test"))
      assert.strictEqual(error._tag, "CredentialsInvalid")
      assert.deepStrictEqual(error._tag === "CredentialsInvalid" ? [...error.wrong].sort() : [], [
        "an unknown field",
        "publishableKey",
        "secretKey",
        "webhookSecret"
      ])
      assert.notMatch(JSON.stringify(error), /swapped|pasted/)
      const none = yield* Effect.flip(
        credentials.set(a.id, { channel: ChannelId.make("crypto"), credentials: given, reason }, "test")
      )
      assert.strictEqual(none._tag, "OwnAccountNotPossible")
    })
  )

  it.effect("cannot name a host that we would call", () =>
    Effect.gen(function* () {
      const { a } = yield* Merchants
      const credentials = yield* ChannelCredentials
      for (const field of ["baseUrl", "host", "gateway", "endpoint", "notifyUrl", "proxy"]) {
        const given = stripeOf({ [field]: "http://169.254.169.254/" }, "acct_1")
        const error = yield* Effect.flip(credentials.set(a.id, { channel: stripe, credentials: given, reason }, "test"))
        assert.strictEqual(error._tag, "CredentialsInvalid")
        assert.include(error._tag === "CredentialsInvalid" ? error.wrong : [], "an unknown field", field)
      }
    })
  )

  it.effect("are in no log, no answer and no defect", () =>
    Effect.gen(function* () {
      const { a, b } = yield* Merchants
      const credentials = yield* ChannelCredentials
      yield* Effect.logInfo("what a careless line would show", a.stripe, { credentials: a.wechatpay })
      yield* Effect.logError("a defect", Cause.die({ credentials: b.stripe }))
      const seen = [
        ...logged,
        JSON.stringify(yield* credentials.list(a.id)),
        JSON.stringify(yield* credentials.list(b.id)),
        String(a.stripe),
        inspect(b.wechatpay, { depth: 10 })
      ].join("\n")
      assert.isAbove(logged.length, 0)
      for (const secret of [...a.secrets, ...b.secrets]) {
        assert.isAbove(secret.length, 10)
        assert.isFalse(seen.includes(secret))
      }
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql<{ readonly text: string; readonly sealed: Uint8Array | null }>`
        SELECT c.sealed, to_jsonb(c)::text AS text FROM payments.channel_credentials AS c`
      const stored = rows.map(({ sealed, text }) => `${text} ${Buffer.from(sealed ?? []).toString("latin1")}`).join(" ")
      for (const secret of [...a.secrets, ...b.secrets]) assert.isFalse(stored.includes(secret))
    })
  )
})
