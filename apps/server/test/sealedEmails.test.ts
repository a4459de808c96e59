import { assert, layer } from "@effect/vitest"
import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { Email } from "@mall/domain/identity/User"
import type { Order } from "@mall/domain/trade/Order"
import { ChannelId } from "@mall/domain/payments/Payment"
import { Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { addBankAccount } from "./bankAccounts.ts"
import { KeyedMall } from "./KeyedMall.ts"
import { placesOf } from "./placesOf.ts"
import {
  addressInput,
  connect,
  eventually,
  orderBecomes,
  passwordOf,
  sandboxAt,
  signIn,
  skusInStock
} from "./shoppers.ts"
import type { Buyer } from "./shoppers.ts"

const address = Email.make("quentin.marmaduke+mall@example.com")
const stranger = Email.make("stranger.marmaduke@example.com")
const password = "walrus-harbour-umbrella-lantern"
const traces = ["marmaduke"]
const reason = "asked to"

/** The goods come, and the buyer says in their own words why they go back. */
const sendBack = Effect.fnUntraced(function* (
  url: string,
  { mall }: Pick<Buyer, "mall">,
  { id, lines }: Pick<Order, "id" | "lines">
) {
  const admin = yield* signIn(url, "admin@demo.mall")
  yield* mall.orders.edit({ params: { id }, payload: { remark: "ring twice at Marmaduke's" } })
  yield* admin.mall.orders.ship({ params: { id }, payload: { carrier: "SF", trackingNumber: "SF1" } })
  yield* admin.mall.orders.deliver({ params: { id } })
  const pieces = lines.map(({ quantity, skuId }) => ({ skuId, quantity }))
  const asked = { params: { id }, payload: { lines: pieces, reason: "it does not become a Marmaduke" } }
  const told = yield* mall.returns.request(asked).pipe(withIdempotencyKey("send back"))
  assert.deepStrictEqual([told.reason, told.history.map(({ reason }) => reason)], [asked.payload.reason, [told.reason]])
})

/** What somebody does who registers, loses the password, buys something and wants to sell. */
const live = Effect.fnUntraced(function* (url: string, sandboxUrl: string) {
  const guest = yield* connect(url)
  const registration = { email: address, password: passwordOf(password), name: "Quentin Marmaduke" }
  const user = yield* guest.mall.users.register({ payload: registration }).pipe(withIdempotencyKey("register once"))
  for (const email of [address, stranger]) {
    for (const purpose of ["login", "register", "reset"] as const) {
      yield* guest.mall.auth.sendCode({ payload: { email, purpose } })
    }
    yield* Effect.exit(signIn(url, email, "walrus-harbour-wrong"))
    const reset = { email, code: Redacted.make("000000"), password: passwordOf("otter-harbour-umbrella-lantern") }
    yield* Effect.exit(guest.mall.auth.resetPassword({ payload: reset }))
  }
  const { accessToken } = yield* guest.mall.auth.login({
    payload: { email: address, password: passwordOf(password), deviceId: "marmadukes-own-telephone" }
  })
  yield* guest.become(accessToken)
  yield* guest.mall.account.update({ payload: { avatarUrl: "https://a.example/marmaduke.png" } })
  const { id: addressId } = yield* guest.mall.addresses.create({ payload: addressInput })
  const items = (yield* skusInStock(guest, 1)).map(({ id }) => ({ skuId: id, quantity: 1 }))
  const { orders, payment } = yield* guest.mall.checkout.checkout({
    payload: { items, addressId, remark: "the door says Marmaduke" }
  })
  const order = yield* Effect.fromNullishOr(orders[0])
  const step = yield* guest.mall.payments.confirm({
    params: { id: payment.id },
    payload: { channel: ChannelId.make("wechatpay"), payer: { openid: "marmadukes-openid" } }
  })
  yield* sandboxAt(sandboxUrl).pay(step.attempt.id)
  yield* orderBecomes(guest, order.id, "paid")
  yield* sendBack(url, guest, order)
  const { id } = yield* guest.mall.merchantApplications.apply({
    payload: {
      ...{ legalName: "Vera Visitor", shopName: { zh: "茶", en: "Tea" }, code: "tea", country: "DE" },
      ...{ kind: "individual", level: "basic", registrationNumber: "DE-4711" },
      contact: { name: "Vera Visitor", email: address, phone: "+4930123456" }
    }
  })
  return { user, applicationId: id }
})

/** Evidence of before, of a dispute that is not there. */
const tellTheBankInTheClear = Effect.fnUntraced(function* (text: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql.withTransaction(
    Effect.andThen(
      sql`SET LOCAL session_replication_role = replica`,
      sql`
        INSERT INTO payments.dispute_evidence
          (id, dispute_id, kind, text, personal_data_key, size, added_by, created_at)
        VALUES (gen_random_uuid(), gen_random_uuid(), 'customer_email_address', ${text}, '', 1, 'user:ann', now())`
    )
  )
})

layer(KeyedMall.layer, { excludeTestServices: true, timeout: "2 minutes" })("an email address", (it) => {
  it.effect("stands nowhere in the database as it is, whatever its owner does and staff do about them", () =>
    Effect.gen(function* () {
      const { sandboxUrl, url } = yield* KeyedMall
      const { applicationId, user } = yield* live(url, sandboxUrl)
      const admin = yield* signIn(url, "admin@demo.mall")
      const found = yield* admin.admin["users.list"]({ email: address })
      assert.deepStrictEqual(
        found.data.map(({ email, id }) => ({ id, email })),
        [{ id: user.id, email: Email.make("q***@example.com") }]
      )
      const act = { userId: user.id, reason }
      assert.strictEqual((yield* admin.admin["users.unmask"](act)).email, address)
      yield* admin.admin["users.ban"](act)
      yield* admin.admin["users.unban"](act)
      const contact = yield* admin.mall.merchantReviews.contact({
        params: { id: applicationId },
        payload: { reason }
      })
      assert.strictEqual(contact.email, address)
      const merchant = yield* signIn(url, "merchant@demo.mall")
      yield* addBankAccount({ admin, merchant }, reason, "Marmaduke & Sons")
      const accounts = yield* merchant.merchant["payouts.accounts"]({})
      assert.deepStrictEqual(
        accounts.data.map(({ holder }) => holder),
        ["Marmaduke & Sons"]
      )
      assert.deepStrictEqual(yield* placesOf(traces), [])
    })
  )

  it.effect("of before signs in as it stands, until a sweep seals it", () =>
    Effect.gen(function* () {
      const { url } = yield* KeyedMall
      const sql = yield* SqlClient.SqlClient
      const guest = yield* connect(url)
      const email = Email.make("earlier.marmaduke@example.com")
      const own = passwordOf(password)
      const user = yield* guest.mall.users.register({ payload: { email, password: own } })
      yield* sql`DELETE FROM identity.email_indexes WHERE user_id = ${user.id}`
      yield* sql`
        UPDATE identity.users SET email = ${email}, name = '', personal_data = NULL, personal_data_key = '' WHERE id = ${user.id}`
      yield* tellTheBankInTheClear(email)
      const before = ["identity.users.email", "payments.dispute_evidence.text"]
      assert.deepStrictEqual((yield* placesOf(traces)).toSorted(), before)
      const seen = yield* signIn(url, email, password)
      assert.strictEqual((yield* seen.mall.account.get()).email, email)
      const again = yield* Effect.flip(guest.mall.users.register({ payload: { email, password: own } }))
      assert.strictEqual(again._tag, "EmailTaken")
      const admin = yield* signIn(url, "admin@demo.mall")
      yield* eventually(
        Effect.andThen(admin.admin["admin.sweeps.run"]({ name: "personal_data" }), placesOf(traces)),
        (places) => places.length === 0,
        "the address to be sealed"
      )
      const later = yield* signIn(url, email, password)
      assert.strictEqual((yield* later.mall.account.get()).email, email)
      const still = yield* Effect.flip(guest.mall.users.register({ payload: { email, password: own } }))
      assert.strictEqual(still._tag, "EmailTaken")
    })
  )
})
