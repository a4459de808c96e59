import type { SkuId } from "@mall/domain/catalog/Catalog"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { CartAdditionId, CartToken } from "@mall/domain/trade/Cart"
import { Money } from "@mall/domain/kernel/Money"
import { Carts } from "../src/Carts.ts"
import type { CartVisitor } from "../src/Carts.ts"
import { assert, layer } from "@effect/vitest"
import { Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import { aBuyer, cny, newSkuId, offer, Shelf, TestTrade } from "./TestTrade.ts"

const newAdditionId = generator(CartAdditionId)

const visitorOf = (user: Principal): CartVisitor => ({ principal: Option.some(user), token: undefined })
const guestOf = (token: CartToken): CartVisitor => ({ principal: Option.none(), token })
const quantities = (cart: { readonly items: ReadonlyArray<{ readonly skuId: SkuId; readonly quantity: number }> }) =>
  cart.items.map(({ quantity, skuId }): [SkuId, number] => [skuId, quantity])

layer(TestTrade, { excludeTestServices: true })("Carts", (it) => {
  it.effect("makes a user's cart once, however many look at the same time", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const visitor = visitorOf(aBuyer())
      const seen = yield* Effect.all(
        Array.from({ length: 20 }, () => carts.get(visitor)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(seen.map(({ id }) => id)).size, 1)
      assert.deepStrictEqual(seen[0]?.items, [])
    })
  )

  it.effect("shows lines in their order, with live price, availability and totals per currency", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const shelf = yield* Shelf
      const visitor = visitorOf(aBuyer())
      const tea = yield* offer({ onHand: 7, price: cny(250) })
      const book = yield* offer({ onHand: 0, price: Money.of(300, "USD") })
      const gone = yield* offer({ onHand: 9, price: cny(1) })
      for (const skuId of [tea, book, gone]) yield* carts.add(visitor, { skuId, quantity: 2 })
      shelf.delete(gone)
      const cart = yield* carts.get(visitor)
      assert.deepStrictEqual(quantities(cart), [
        [tea, 2],
        [book, 2],
        [gone, 2]
      ])
      assert.deepStrictEqual(
        cart.items.map(({ available, offer: sold }) => [available, sold?.unitPrice.amount]),
        [
          [7, 250],
          [0, 300],
          [9, undefined]
        ]
      )
      assert.deepStrictEqual(cart.totals, [cny(500), Money.of(600, "USD")])
    })
  )

  it.effect("loses none of many additions at once", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const visitor = visitorOf(aBuyer())
      const [tea, pot] = [yield* offer({ onHand: 1 }), yield* offer({ onHand: 1 })]
      yield* Effect.all(
        Array.from({ length: 60 }, (_, n) => carts.add(visitor, { skuId: n % 2 === 0 ? tea : pot, quantity: 1 })),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        new Map(quantities(yield* carts.get(visitor))),
        new Map([
          [tea, 30],
          [pot, 30]
        ])
      )
    })
  )

  it.effect("adds once per operation, also where it is repeated at once or the first answer was lost", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const [ann, bob] = [visitorOf(aBuyer()), visitorOf(aBuyer())]
      const tea = yield* offer({ onHand: 1 })
      const id = yield* newAdditionId
      const seen = yield* Effect.all(
        Array.from({ length: 10 }, () => carts.add(ann, { skuId: tea, quantity: 2 }, id)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        seen.map(quantities),
        seen.map(() => [[tea, 2]])
      )
      // an operation of one cart is none of another's
      assert.deepStrictEqual(quantities(yield* carts.add(bob, { skuId: tea, quantity: 3 }, id)), [[tea, 3]])
      assert.deepStrictEqual(quantities(yield* carts.add(ann, { skuId: tea, quantity: 2 }, yield* newAdditionId)), [
        [tea, 4]
      ])
      // taken out in the meantime, it does not come back by a late repetition
      yield* carts.remove(ann, tea)
      assert.deepStrictEqual(quantities(yield* carts.add(ann, { skuId: tea, quantity: 2 }, id)), [])
    })
  )

  it.effect("may repeat an addition that was refused, and forgets what can be repeated no more", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const sql = yield* SqlClient.SqlClient
      const visitor = visitorOf(aBuyer())
      const tea = yield* offer({ onHand: 1 })
      yield* carts.add(visitor, { skuId: tea, quantity: 999 }, yield* newAdditionId)
      const id = yield* newAdditionId
      const refused = yield* Effect.flip(carts.add(visitor, { skuId: tea, quantity: 1 }, id))
      assert.strictEqual(refused._tag, "CartLimitExceeded")
      const cart = yield* carts.set(visitor, tea, 1)
      yield* sql`UPDATE trade.cart_additions SET at = at - interval '25 hours' WHERE cart_id = ${cart.id}`
      assert.deepStrictEqual(quantities(yield* carts.add(visitor, { skuId: tea, quantity: 1 }, id)), [[tea, 2]])
      const kept = yield* sql<{ readonly id: string }>`SELECT id FROM trade.cart_additions WHERE cart_id = ${cart.id}`
      assert.deepStrictEqual(
        kept.map((addition) => addition.id),
        [id]
      )
    })
  )

  it.effect("keeps within its limits, also under many additions at once", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const visitor = visitorOf(aBuyer())
      const tea = yield* offer({ onHand: 1 })
      const results = yield* Effect.all(
        Array.from({ length: 12 }, () => Effect.result(carts.add(visitor, { skuId: tea, quantity: 100 }))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(results.filter(({ _tag }) => _tag === "Success").length, 9)
      assert.deepStrictEqual(quantities(yield* carts.get(visitor)), [[tea, 900]])

      const skuIds = yield* Effect.forEach(Array.from({ length: 105 }), () => offer({ onHand: 1 }), { concurrency: 8 })
      const added = yield* Effect.forEach(
        skuIds,
        (skuId) => Effect.result(carts.add(visitor, { skuId, quantity: 1 })),
        {
          concurrency: "unbounded"
        }
      )
      assert.strictEqual(added.filter(({ _tag }) => _tag === "Success").length, 99)
      assert.strictEqual((yield* carts.get(visitor)).items.length, 100)
    })
  )

  it.effect("sets, removes and empties, and does not know what is not there", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const visitor = visitorOf(aBuyer())
      const tea = yield* offer({ onHand: 1 })
      const stranger = yield* newSkuId
      assert.strictEqual((yield* Effect.flip(carts.set(visitor, tea, 3)))._tag, "CartItemNotFound")
      assert.strictEqual((yield* Effect.flip(carts.remove(visitor, tea)))._tag, "CartItemNotFound")
      assert.strictEqual(
        (yield* Effect.flip(carts.add(visitor, { skuId: stranger, quantity: 1 })))._tag,
        "ProductUnavailable"
      )
      yield* carts.add(visitor, { skuId: tea, quantity: 1 })
      assert.deepStrictEqual(quantities(yield* carts.set(visitor, tea, 999)), [[tea, 999]])
      assert.deepStrictEqual(quantities(yield* carts.remove(visitor, tea)), [])
      yield* carts.add(visitor, { skuId: tea, quantity: 1 })
      assert.deepStrictEqual(quantities(yield* carts.clear(visitor)), [])
    })
  )

  it.effect("opens a guest's cart to its token only, and keeps no token", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const sql = yield* SqlClient.SqlClient
      const tea = yield* offer({ onHand: 1 })
      const { cart, cartToken } = yield* carts.createForGuest
      const filled = yield* carts.add(guestOf(cartToken), { skuId: tea, quantity: 2 })
      assert.strictEqual(filled.id, cart.id)
      const other = CartToken.make(`${cartToken.startsWith("A") ? "B" : "A"}${cartToken.slice(1)}`)
      assert.strictEqual((yield* Effect.flip(carts.get(guestOf(other))))._tag, "CartNotFound")
      const nobody: CartVisitor = { principal: Option.none(), token: undefined }
      assert.strictEqual((yield* Effect.flip(carts.get(nobody)))._tag, "Unauthorized")
      const rows = yield* sql<{ text: string }>`SELECT carts::text AS text FROM trade.carts WHERE id = ${cart.id}`
      assert.isFalse(rows[0]?.text.includes(cartToken))
    })
  )

  it.effect("merges a guest's cart whole and once, though many ask", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const user = aBuyer()
      const [tea, pot] = [yield* offer({ onHand: 1 }), yield* offer({ onHand: 1 })]
      const { cartToken } = yield* carts.createForGuest
      yield* carts.add(guestOf(cartToken), { skuId: tea, quantity: 600 })
      yield* carts.add(guestOf(cartToken), { skuId: pot, quantity: 2 })
      yield* carts.add(visitorOf(user), { skuId: tea, quantity: 500 })
      const merged = yield* Effect.all(
        Array.from({ length: 8 }, () => carts.merge(user.userId, cartToken)),
        { concurrency: "unbounded" }
      )
      for (const cart of merged) {
        assert.deepStrictEqual(quantities(cart), [
          [pot, 2],
          [tea, 999]
        ])
      }
      assert.strictEqual((yield* Effect.flip(carts.get(guestOf(cartToken))))._tag, "CartNotFound")
      assert.strictEqual((yield* Effect.flip(carts.merge(aBuyer().userId, cartToken)))._tag, "CartNotFound")
    })
  )

  it.effect("gives a contested guest's cart to one of two users", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const tea = yield* offer({ onHand: 1 })
      const { cartToken } = yield* carts.createForGuest
      yield* carts.add(guestOf(cartToken), { skuId: tea, quantity: 1 })
      const results = yield* Effect.forEach(
        [aBuyer(), aBuyer()],
        ({ userId }) => Effect.result(carts.merge(userId, cartToken)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(results.map(({ _tag }) => _tag).toSorted(), ["Failure", "Success"])
    })
  )

  it.effect("merges nothing rather than a part", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const user = aBuyer()
      const skuIds = yield* Effect.forEach(Array.from({ length: 101 }), () => offer({ onHand: 1 }), { concurrency: 8 })
      const { cartToken } = yield* carts.createForGuest
      for (const skuId of skuIds.slice(0, 100)) yield* carts.add(visitorOf(user), { skuId, quantity: 1 })
      for (const skuId of skuIds.slice(100)) yield* carts.add(guestOf(cartToken), { skuId, quantity: 1 })
      assert.strictEqual((yield* Effect.flip(carts.merge(user.userId, cartToken)))._tag, "CartLimitExceeded")
      assert.strictEqual((yield* carts.get(guestOf(cartToken))).items.length, 1)
      assert.strictEqual((yield* carts.get(visitorOf(user))).items.length, 100)
    })
  )
})
