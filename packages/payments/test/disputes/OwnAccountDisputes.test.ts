import { assert, layer } from "@effect/vitest"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { AttemptId } from "@mall/domain/payments/Payment"
import { Clock, Effect, Option } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { SqlClient } from "effect/sql"
import { createHmac } from "node:crypto"
import { Channels } from "../../src/channel/Channels.ts"
import { toHexId } from "../../src/channel/hexId.ts"
import { ChannelCredentials } from "../../src/credentials/ChannelCredentials.ts"
import { DisputeStore } from "../../src/disputes/DisputeStore.ts"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { Payments } from "../../src/lifecycle/Payments.ts"
import { aMerchant, awaitStatus, cny, newOperationId } from "../TestPayments.ts"
import { Merchants, stripe, stripeOf, TestTwoMerchants } from "../TwoMerchants.ts"

const aSaleOf = Effect.fnUntraced(function* (merchant: Principal) {
  const payments = yield* Payments
  return yield* payments.create(
    { amount: cny(1999), reference: "order-1", description: "Two shirts" },
    merchant,
    yield* newOperationId
  )
})

/** An event that Stripe never sent: that a try was paid, under a number of the sender's choice. */
const forge = Effect.fnUntraced(function* (url: string, secret: string, attempt: AttemptId, number: string) {
  const http = yield* HttpClient.HttpClient
  const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const body = JSON.stringify({
    ...{ id: "evt_forged", object: "event", type: "payment_intent.succeeded", created: now, livemode: false },
    data: {
      object: {
        ...{ id: number, object: "payment_intent", amount: 1999, amount_received: 1999, currency: "cny" },
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

layer(TestTwoMerchants, { excludeTestServices: true, timeout: "60 seconds" })("A dispute", (it) => {
  it.effect("is of the platform's payment, also where a merchant told its number of a try of their own", () =>
    Effect.gen(function* () {
      const { b } = yield* Merchants
      const channels = yield* Channels
      const confirmations = yield* Confirmations
      const credentials = yield* ChannelCredentials
      const disputes = yield* DisputeStore
      const sql = yield* SqlClient.SqlClient
      // nothing comes of B's try at Stripe, so that no number of it is known
      const webhookSecret = "whsec_that-only-b-knows"
      const keys = stripeOf({ secretKey: "sk_test_none", publishableKey: "pk_test_b", webhookSecret }, "acct_shell")
      const set = { channel: stripe, credentials: keys, reason: "own account" }
      const { notifyUrl } = yield* credentials.set(b.id, set, "test")
      const bait = yield* aSaleOf(b.principal)
      yield* Effect.flip(confirmations.confirm(bait.id, { channel: stripe }, b.principal))
      const [attempt] = yield* sql<{ readonly id: AttemptId }>`
        SELECT id FROM payments.attempts WHERE payment_id = ${bait.id}`
      if (attempt === undefined) return assert.fail("There is no try")

      const shop = yield* aMerchant
      const sale = yield* aSaleOf(shop)
      const { action } = yield* confirmations.confirm(sale.id, { channel: stripe }, shop)
      const number = action.type === "params" ? (action.params["paymentIntent"] ?? "") : ""
      yield* forge(notifyUrl, webhookSecret, attempt.id, number)
      yield* awaitStatus(bait.id, "succeeded")

      const channel = Option.getOrThrow(channels.find(stripe))
      const now = new Date(yield* Clock.currentTimeMillis)
      const { row } = yield* sql.withTransaction(
        disputes.learn(
          channel,
          {
            ...{ channelReference: "du_1", paymentReference: number, account: channel.account, reason: "fraudulent" },
            ...{ status: "needs_response", amount: cny(1999).amount, currency: "CNY", balance: null },
            ...{ evidenceDueAt: null, openedAt: now }
          },
          { by: "told", at: now }
        )
      )
      assert.deepStrictEqual([row?.paymentId, row?.merchantId], [sale.id, Option.getOrNull(shop.merchantId)])
    })
  )
})
