import { assert, layer } from "@effect/vitest"
import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { ShopId } from "@mall/domain/merchants/Shop"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { DateTime, Effect, Layer, Option } from "effect"
import { Shops } from "../src/shops/Shops.ts"

const tea = { zh: "茶", en: "Tea" }
const leaves = { zh: "茶叶", en: "Tea leaves" }
const newMerchantId = generator(MerchantId)
const newUserId = generator(UserId)
const newSessionId = generator(SessionId)
const newShopId = generator(ShopId)
const never = new Date("2099-01-01")

layer(Shops.layer.pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })("Shops", (it) => {
  it.effect("keeps what is changed now also where something else is to change later", () =>
    Effect.gen(function* () {
      const shops = yield* Shops
      const owner = new Principal({
        ...{ userId: yield* newUserId, sessionId: yield* newSessionId, roles: ["merchant"], expiresAt: never },
        merchantId: Option.some(yield* newMerchantId)
      })
      const id = yield* newShopId
      const inDays = (days: number) =>
        Effect.map(DateTime.now, (now) => DateTime.toDateUtc(DateTime.add(now, { days })))
      const [week, month] = [yield* inDays(7), yield* inDays(30)]
      yield* shops.create(owner, id, { code: "tea-leaves", name: leaves })
      yield* shops.edit(owner, id, { name: tea, effectiveFrom: week, reason: "a shorter name" })
      yield* shops.edit(owner, id, { status: "open", effectiveFrom: month, reason: "nothing new" })
      const closed = yield* shops.edit(owner, id, { status: "closed", reason: "closing down" })
      assert.deepStrictEqual([closed.name.en, closed.status], ["Tea leaves", "closed"])
      const of = (from: Date) =>
        Effect.map(shops.history(owner, id), (history) => {
          const found = history.find(({ effectiveFrom }) => effectiveFrom <= from)
          return [found?.name.en, found?.status]
        })
      assert.deepStrictEqual(
        [yield* of(week), yield* of(month)],
        [
          ["Tea", "closed"],
          ["Tea", "closed"]
        ]
      )
      yield* shops.edit(owner, id, { status: "open", effectiveFrom: month, reason: "as good as new" })
      yield* shops.edit(owner, id, { name: { ...leaves, en: "Leaves" }, status: "closed", reason: "called otherwise" })
      assert.deepStrictEqual(
        [yield* of(week), yield* of(month)],
        [
          ["Tea", "closed"],
          ["Tea", "open"]
        ]
      )
    })
  )
})
