import { erasedContact } from "@mall/domain/identity/AddressParts"
import { maskAddress } from "@mall/domain/identity/maskAddress"
import { assert, layer } from "@effect/vitest"
import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { Email } from "@mall/domain/identity/User"
import { ChannelId } from "@mall/domain/payments/Payment"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { placesOf } from "./placesOf.ts"
import { addressInput, eventually, newBuyer, orderBecomes, sandboxAt, signIn } from "./shoppers.ts"
import type { Buyer } from "./shoppers.ts"

class Mall extends Context.Service<Mall, TestServer>()("@mall/server/test/privacy/Mall") {
  static readonly layer = Layer.unwrap(
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const server = yield* startServer({ database, environment: {} })
      return Layer.succeed(Mall, Mall.of(server)).pipe(Layer.provideMerge(Layer.orDie(Sql.layerUrl(database))))
    })
  )
}

const wechatpay = ChannelId.make("wechatpay")
const masked = { ...addressInput, recipient: "V***", phone: "***8000", street: "***", postalCode: "***" }

/** An order of one piece of something that the merchant sells, not paid yet. */
const orderFrom = Effect.fnUntraced(function* (buyer: Buyer, merchantId: string | null) {
  const { data } = yield* buyer.mall.products.list({ query: { limit: 100, sort: "price_asc" } })
  const own = yield* Effect.fromNullishOr(data.find((product) => product.merchantId === merchantId))
  const { skus } = yield* buyer.mall.products.get({ params: { id: own.id } })
  const sku = yield* Effect.fromNullishOr(skus[0])
  const items = [{ skuId: sku.id, quantity: 1 }]
  const checkout = yield* buyer.mall.checkout.checkout({ payload: { items, addressId: buyer.addressId } })
  const order = yield* Effect.fromNullishOr(checkout.orders[0])
  return { id: order.id, paymentId: checkout.payment.id }
})

const pay = Effect.fnUntraced(function* (
  buyer: Buyer,
  { id, paymentId }: Effect.Success<ReturnType<typeof orderFrom>>
) {
  const { sandboxUrl } = yield* Mall
  const step = yield* buyer.mall.payments.confirm({ params: { id: paymentId }, payload: { channel: wechatpay } })
  yield* sandboxAt(sandboxUrl).pay(step.attempt.id)
  yield* orderBecomes(buyer, id, "paid")
})

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("personal data", (it) => {
  it.effect("of an order is whole for its buyer, for the merchant while it is to be sent, and masked else", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const admin = yield* signIn(url, "admin@demo.mall")
      const merchant = yield* signIn(url, "merchant@demo.mall")
      const { merchantId } = yield* merchant.storefront["account.me"]()
      const buyer = yield* newBuyer(url, "masked")
      const order = yield* orderFrom(buyer, merchantId)
      const params = { id: order.id }
      const seenBy = ({ mall }: Pick<Buyer, "mall">) =>
        Effect.map(mall.orders.get({ params }), ({ address }) => address)
      assert.deepStrictEqual(yield* seenBy(buyer), addressInput)
      assert.deepStrictEqual(yield* seenBy(merchant), masked)
      assert.deepStrictEqual(yield* seenBy(admin), masked)
      yield* pay(buyer, order)
      assert.deepStrictEqual(yield* seenBy(merchant), addressInput)
      assert.deepStrictEqual(yield* seenBy(admin), masked)
      const sold = (yield* merchant.merchant["orders.listSold"]({})).data.find(({ id }) => id === order.id)
      assert.deepStrictEqual(sold?.address, addressInput)
      const every = (yield* admin.admin["orders.listAll"]({})).data.find(({ id }) => id === order.id)
      assert.deepStrictEqual(every?.address, masked)
      const shipped = yield* admin.admin["orders.show"]({ id: order.id })
      assert.deepStrictEqual(shipped.address, masked)
    })
  )

  it.effect("of an account is masked for administrators, and is the owner's own", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const admin = yield* signIn(url, "admin@demo.mall")
      const { email, mall, user } = yield* newBuyer(url, "someone")
      const payload = { userId: user.id, reason: "asked to" }
      const answers = [
        yield* admin.admin["users.show"]({ userId: user.id }),
        yield* admin.admin["users.ban"](payload),
        yield* admin.admin["users.unban"](payload),
        ...(yield* admin.admin["users.list"]({ email: Email.make(email) })).data
      ]
      assert.deepStrictEqual(
        answers.map((each) => [each.email, each.name]),
        Array.from({ length: 4 }, () => ["s***@example.com", "V***"])
      )
      const again = yield* signIn(url, email, "walrus-someone-umbrella-lantern")
      assert.strictEqual((yield* again.mall.account.get()).email, email)
      assert.isDefined(mall)
    })
  )

  it.effect("is told to who may know it and says why, and that is kept", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const admin = yield* signIn(url, "admin@demo.mall")
      const merchant = yield* signIn(url, "merchant@demo.mall")
      const { merchantId } = yield* merchant.storefront["account.me"]()
      const buyer = yield* newBuyer(url, "unmasked")
      const { id } = yield* orderFrom(buyer, merchantId)
      const reason = "the carrier asks"
      assert.deepStrictEqual(yield* admin.admin["orders.unmask"]({ id, reason }), addressInput)
      const { email, name } = yield* admin.admin["users.unmask"]({ userId: buyer.user.id, reason })
      assert.deepStrictEqual([email, name], [buyer.email, "Vera Visitor"])
      const { data } = yield* admin.mall.audit.list({ query: { action: "personal_data.unmask" } })
      assert.deepStrictEqual(
        data.map((entry) => [entry.resource, entry.reason]),
        [
          [{ type: "user", id: buyer.user.id }, reason],
          [{ type: "order", id }, reason]
        ]
      )
      assert.notInclude(JSON.stringify(data), buyer.email)
      const blank = yield* Effect.exit(admin.admin["orders.unmask"]({ id, reason: " " }))
      assert.strictEqual(blank._tag, "Failure")
      const seen = yield* admin.mall.audit.list({ query: { action: "personal_data.unmask" } })
      assert.strictEqual(seen.data.length, data.length)
    })
  )

  it.effect("of an address book, an order and a sign-in stands nowhere in the database as it is", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const merchant = yield* signIn(url, "merchant@demo.mall")
      const { merchantId } = yield* merchant.storefront["account.me"]()
      const buyer = yield* newBuyer(url, "sealed")
      const home = {
        ...addressInput,
        recipient: "Barnaby Marmalade",
        phone: "+8613700009999",
        street: "Marmalade Row 3"
      }
      const secrets = ["armalade", "13700009999"]
      const address = yield* buyer.mall.addresses.create({ payload: home }).pipe(withIdempotencyKey("new home"))
      const order = yield* orderFrom({ ...buyer, addressId: address.id }, merchantId)
      assert.deepStrictEqual((yield* buyer.mall.orders.get({ params: { id: order.id } })).address, home)
      assert.deepStrictEqual(yield* placesOf(secrets), [])

      const moved = { ...home, street: "Marmalade Row 5" }
      yield* buyer.mall.addresses.replace({ params: { id: address.id }, payload: moved })
      yield* buyer.mall.orders.edit({ params: { id: order.id }, payload: { address: moved } })
      assert.deepStrictEqual((yield* buyer.mall.orders.get({ params: { id: order.id } })).address, moved)
      assert.strictEqual((yield* buyer.mall.addresses.get({ params: { id: address.id } })).street, moved.street)
      assert.deepStrictEqual(yield* placesOf(secrets), [])
      const { data } = yield* buyer.mall.account.listSessions({ query: {} })
      assert.isTrue(data.every(({ ip }) => ip === "127.0.0.1"))
      const sql = yield* SqlClient.SqlClient
      const clear = yield* sql`
        SELECT id FROM identity.sessions WHERE ip IS NOT NULL UNION SELECT id FROM identity.logins WHERE network IS NOT NULL`
      assert.deepStrictEqual(clear, [])

      // a stranger's contact in its place is refused, and the answer says nothing of it
      const other = yield* orderFrom(buyer, merchantId)
      yield* sql`
        UPDATE trade.orders SET personal_data = source.personal_data FROM trade.orders AS source
        WHERE orders.id = ${other.id} AND source.id = ${order.id}`
      const refused = yield* Effect.flip(buyer.mall.orders.get({ params: { id: other.id } }))
      assert.strictEqual(refused._tag, "InternalError")
      assert.notInclude(JSON.stringify(refused), "armalade")
      yield* sql`UPDATE trade.orders SET personal_data = NULL, personal_data_key = NULL WHERE id = ${other.id}`
    })
  )

  it.effect("of before is readable as it stands, until a sweep seals it", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const admin = yield* signIn(url, "admin@demo.mall")
      const merchant = yield* signIn(url, "merchant@demo.mall")
      const { merchantId } = yield* merchant.storefront["account.me"]()
      const buyer = yield* newBuyer(url, "before")
      const { id } = yield* orderFrom(buyer, merchantId)
      const sql = yield* SqlClient.SqlClient
      const { recipient, phone, street, postalCode } = { ...addressInput, recipient: "Ottoline Peppercorn" }
      const contact = { recipient, phone, street, postalCode }
      const sessions = (yield* buyer.mall.account.listSessions({ query: {} })).data
      yield* sql`
        UPDATE trade.orders SET personal_data = NULL, personal_data_key = '', address = address || ${JSON.stringify(contact)}::jsonb
        WHERE id = ${id}`
      yield* sql`
        UPDATE identity.addresses SET personal_data = NULL, personal_data_key = '', ${sql.update(contact)}
        WHERE id = ${buyer.addressId}`
      yield* sql`
        UPDATE identity.sessions SET personal_data = NULL, personal_data_key = '', ip = '198.51.100.77'
        WHERE user_id = ${buyer.user.id}`
      yield* sql`
        UPDATE identity.logins SET personal_data = NULL, personal_data_key = '', network = '198.51.100.77'
        WHERE user_id = ${buyer.user.id}`

      const seen = Effect.gen(function* () {
        const order = yield* buyer.mall.orders.get({ params: { id } })
        const address = yield* buyer.mall.addresses.get({ params: { id: buyer.addressId } })
        const { data } = yield* buyer.mall.account.listSessions({ query: {} })
        return [order.address, address.recipient, data.map(({ ip }) => ip)]
      })
      const ips = sessions.map(() => "198.51.100.77")
      const before = [{ ...addressInput, ...contact }, recipient, ips]
      const traces = [recipient, "198.51.100.77"]
      assert.deepStrictEqual(yield* seen, before)
      assert.isAbove((yield* placesOf(traces)).length, 3)
      yield* admin.admin["admin.sweeps.run"]({ name: "personal_data" })
      assert.deepStrictEqual(yield* placesOf(traces), [])
      assert.deepStrictEqual(yield* seen, before)
    })
  )

  it.effect("is nowhere in the database once its owner deletes the account, but in what was bought", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const admin = yield* signIn(url, "admin@demo.mall")
      const merchant = yield* signIn(url, "merchant@demo.mall")
      const { merchantId } = yield* merchant.storefront["account.me"]()
      const name = "Zebedee Quillfeather"
      const buyer = yield* newBuyer(url, "quillfeather")
      yield* buyer.mall.account.update({ payload: { name, avatarUrl: "https://a.example/quillfeather.png" } })
      const home = { ...addressInput, recipient: name, phone: "+8613912345678", street: "Quillfeather Lane 7" }
      const address = yield* buyer.mall.addresses.create({ payload: home }).pipe(withIdempotencyKey("home"))
      const order = yield* orderFrom({ ...buyer, addressId: address.id }, merchantId)
      yield* pay(buyer, order)
      const act = { userId: buyer.user.id, reason: `wrote from ${buyer.email}` }
      yield* admin.admin["users.logout"](act)
      const again = yield* signIn(url, buyer.email, "walrus-quillfeather-umbrella-lantern")
      yield* Effect.exit(signIn(url, buyer.email, "walrus-quillfeather-wrong"))

      yield* again.mall.account.delete()
      yield* admin.admin["admin.sweeps.run"]({ name: "erased_buyers" })
      assert.deepStrictEqual(yield* placesOf(["uillfeather", "13912345678"]), [])
      // the merchant still owes the goods, and has to know where they go
      const kept = yield* merchant.mall.orders.get({ params: { id: order.id } })
      assert.deepStrictEqual([kept.status, kept.address], ["paid", home])
      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE trade.orders SET status = 'completed' WHERE id = ${order.id}`
      yield* sql`UPDATE trade.erased_buyers SET due_at = NOW()`
      yield* eventually(
        admin.admin["admin.sweeps.run"]({ name: "erased_buyers" }).pipe(
          Effect.andThen(sql`SELECT id FROM trade.orders WHERE id = ${order.id} AND personal_data IS NULL`)
        ),
        (orders) => orders.length === 1,
        "the address to be erased"
      )
      const books = yield* merchant.mall.orders.get({ params: { id: order.id } })
      assert.deepStrictEqual([books.total, books.address], [kept.total, maskAddress({ ...home, ...erasedContact })])
    })
  )
})
