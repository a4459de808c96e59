import { assert, layer } from "@effect/vitest"
import { contactText } from "@mall/domain/identity/AddressParts"
import { ChannelId } from "@mall/domain/payments/Payment"
import { sealedSessions } from "@mall/identity/tokens/sessionTraces"
import { sealedUsers } from "@mall/identity/users/StoredUser"
import { sealedPayers } from "@mall/payments/store/sealedPayers"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { openRow, sealedFields, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable } from "@mall/platform/sealing/PersonalDataTable"
import { sealedOrders } from "@mall/trade/sealedOrder"
import { Effect, Schedule, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { KeyedMall } from "./KeyedMall.ts"
import { placesOf } from "./placesOf.ts"
import {
  addressInput,
  connect,
  eventually,
  newBuyer,
  orderBecomes,
  passwordOf,
  sandboxAt,
  signIn,
  skusInStock
} from "./shoppers.ts"

const name = "Perpetua Featherstone"
const deviceId = "featherstones-own-telephone"
const payer = { openid: "featherstones-openid" }
const remark = "the door says Featherstone"
const reason = "too small for a Featherstone"
const traces = ["featherstone"]

const Payer = Schema.Struct({ id: Schema.String, ...sealedFields })

layer(KeyedMall.layer, { excludeTestServices: true, timeout: "2 minutes" })("what people write of themselves", (it) => {
  it.effect("of before is readable as it stands beside what is sealed, until a sweep seals them as one", () =>
    Effect.gen(function* () {
      const { sandboxUrl, url } = yield* KeyedMall
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const admin = yield* signIn(url, "admin@demo.mall")
      const buyer = yield* newBuyer(url, "perpetua")
      const { addressId, email, mall, user } = buyer
      const avatarUrl = "https://a.example/featherstone.png"
      yield* mall.account.update({ payload: { name, avatarUrl } })
      const items = (yield* skusInStock(buyer, 1)).map(({ id }) => ({ skuId: id, quantity: 1 }))
      const { orders, payment } = yield* mall.checkout.checkout({ payload: { items, addressId, remark } })
      const { id } = yield* Effect.fromNullishOr(orders[0])
      const { attempt } = yield* mall.payments.confirm({
        params: { id: payment.id },
        payload: { channel: ChannelId.make("wechatpay"), payer }
      })
      yield* sandboxAt(sandboxUrl).pay(attempt.id)
      yield* orderBecomes(buyer, id, "paid")
      yield* admin.mall.orders.ship({ params: { id }, payload: { carrier: "SF", trackingNumber: "SF1" } })
      yield* admin.mall.orders.deliver({ params: { id } })
      const back = yield* mall.returns.request({ params: { id }, payload: { lines: items, reason } })
      const phone = yield* connect(url)
      const { accessToken } = yield* phone.mall.auth.login({
        payload: { email: user.email, password: passwordOf("walrus-perpetua-umbrella-lantern"), deviceId }
      })
      yield* phone.become(accessToken)

      const seen = Effect.gen(function* () {
        const account = yield* mall.account.get()
        const order = yield* mall.orders.get({ params: { id } })
        const told = yield* mall.returns.get({ params: { id, returnId: back.id } })
        const { data } = yield* mall.account.listSessions({ query: {} })
        return {
          person: [account.email, account.name, account.avatarUrl],
          order: [order.address, order.remark],
          reasons: [told.reason, ...told.history.map((event) => event.reason)],
          devices: data.map((session) => [session.deviceId, session.ip]).slice(0, 1)
        }
      })
      const payerSeen = SqlSchema.findOne({
        Request: Schema.Void,
        Result: Payer,
        execute: () => sql`SELECT id, personal_data, personal_data_key FROM payments.attempts WHERE id = ${attempt.id}`
      })().pipe(
        Effect.flatMap((row) => openRow(keys, sealedPayers, row)),
        Effect.flatMap(Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json)))
      )
      const expected = {
        person: [email, name, avatarUrl],
        order: [addressInput, remark],
        reasons: [reason, reason],
        devices: [[deviceId, "127.0.0.1"]]
      }
      assert.deepStrictEqual(yield* seen, expected)
      assert.deepStrictEqual(yield* payerSeen, payer)
      assert.deepStrictEqual(yield* placesOf(traces), [])

      // as servers of before leave it: a part of it sealed alone, and the others in the clear
      const [session] = (yield* phone.mall.account.listSessions({ query: {} })).data
      const sessionId = session?.id ?? ""
      const alone = (table: PersonalDataTable, row: string, text: string) => {
        const { personalData, personalDataKey } = sealRow(keys, table, row, text)
        return sql`personal_data = ${personalData}, personal_data_key = ${personalDataKey}`
      }
      const nothing = sql`personal_data = NULL, personal_data_key = NULL`
      const places = [
        ...["identity.sessions.device_id", "identity.users.avatar_url", "identity.users.name"],
        ...["payments.attempts.payer", "trade.orders.remark", "trade.returns.reason"]
      ]
      // looked at before the sweep, which runs by itself too, can see it
      yield* Effect.gen(function* () {
        yield* sql`UPDATE identity.users SET ${alone(sealedUsers, user.id, email)}, name = ${name}, avatar_url = ${avatarUrl} WHERE id = ${user.id}`
        yield* sql`
          UPDATE trade.orders SET ${alone(sealedOrders, id, contactText(addressInput))}, remark = ${remark} WHERE id = ${id}`
        yield* sql`
          UPDATE identity.sessions SET ${alone(sealedSessions, sessionId, "127.0.0.1")}, device_id = ${deviceId}, device_digest = NULL
          WHERE id = ${sessionId}`
        yield* sql`UPDATE trade.returns SET ${nothing}, reason = ${reason} WHERE id = ${back.id}`
        yield* sql`UPDATE payments.attempts SET ${nothing}, payer = ${JSON.stringify(payer)}::jsonb WHERE id = ${attempt.id}`
        assert.deepStrictEqual((yield* placesOf(traces)).toSorted(), places)
      }).pipe(sql.withTransaction)
      assert.deepStrictEqual(yield* seen, expected)

      yield* eventually(
        Effect.andThen(admin.admin["admin.sweeps.run"]({ name: "personal_data" }), placesOf(traces)),
        (found) => found.length === 0,
        "it to be sealed"
      )
      assert.deepStrictEqual(yield* seen, expected)
      assert.deepStrictEqual(yield* payerSeen, payer)
      // the digest is made with it: who blocks the device ends its session
      yield* admin.mall.blocks.add({ payload: { kind: "device", subject: deviceId, reason: "stolen" } })
      const refused = yield* Effect.retry(Effect.flip(phone.mall.account.get()), Schedule.spaced("10 millis"))
      assert.strictEqual(refused._tag, "Unauthorized")
      yield* mall.account.get()
    })
  )
})
