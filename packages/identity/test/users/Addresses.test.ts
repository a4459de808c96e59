import { assert, layer } from "@effect/vitest"
import { AddressBook } from "@mall/domain/identity/AddressBook"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect, Exit, Layer } from "effect"
import { Addresses } from "../../src/users/Addresses.ts"
import { IdentityLayer } from "../../src/Identity.ts"
import { address, login, newAddressId, principalOf, registerUser, withConfiguration } from "../fixture.ts"

const newOwner = Effect.flatMap(
  Effect.flatMap(registerUser, (user) => login(user)),
  principalOf
)

layer(withConfiguration(IdentityLayer, { ADDRESS_LIMIT: "5" }).pipe(Layer.provideMerge(TestDatabase)), {
  excludeTestServices: true
})("Addresses", (it) => {
  it.effect("keeps one default: the first, then whichever is made so", () =>
    Effect.gen(function* () {
      const addresses = yield* Addresses
      const me = yield* newOwner
      const first = yield* addresses.create(me, yield* newAddressId, address)
      assert.isTrue(first.isDefault)
      assert.strictEqual(first.recipient, address.recipient)
      const second = yield* addresses.create(me, yield* newAddressId, address)
      assert.isFalse(second.isDefault)
      const third = yield* addresses.create(me, yield* newAddressId, { ...address, isDefault: true })
      const defaults = Effect.map(addresses.list(me, {}), ({ data }) =>
        data.filter(({ isDefault }) => isDefault).map(({ id }) => id)
      )
      assert.deepStrictEqual(yield* defaults, [third.id])
      yield* addresses.replace(me, first.id, { ...address, isDefault: true })
      assert.deepStrictEqual(yield* defaults, [first.id])
      yield* addresses.replace(me, first.id, { ...address, street: "Elsewhere 2" })
      assert.deepStrictEqual(yield* defaults, [first.id])
      yield* addresses.delete(me, first.id)
      assert.deepStrictEqual(yield* defaults, [third.id])
      yield* addresses.delete(me, second.id)
      assert.deepStrictEqual(yield* defaults, [third.id])
    })
  )

  it.effect("another's address is one that does not exist", () =>
    Effect.gen(function* () {
      const addresses = yield* Addresses
      const book = yield* AddressBook
      const owner = yield* newOwner
      const stranger = yield* newOwner
      const { id } = yield* addresses.create(owner, yield* newAddressId, address)
      const errors = yield* Effect.all([
        Effect.flip(addresses.get(stranger, id)),
        Effect.flip(addresses.replace(stranger, id, address)),
        Effect.flip(addresses.delete(stranger, id)),
        Effect.flip(addresses.create(stranger, id, address)),
        Effect.flip(book.find(stranger.userId, id))
      ])
      for (const error of errors) assert.strictEqual(error._tag, "AddressNotFound")
      assert.deepStrictEqual({ ...(yield* book.find(owner.userId, id)) }, address)
    })
  )

  it.effect("a repeated creation adds nothing", () =>
    Effect.gen(function* () {
      const addresses = yield* Addresses
      const me = yield* newOwner
      const id = yield* newAddressId
      const first = yield* addresses.create(me, id, address)
      assert.deepStrictEqual(yield* addresses.create(me, id, address), first)
      assert.strictEqual((yield* addresses.list(me, {})).data.length, 1)
    })
  )

  it.effect("holds no more than the limit, and one default, however many are added at once", () =>
    Effect.gen(function* () {
      const addresses = yield* Addresses
      const me = yield* newOwner
      const exits = yield* Effect.all(
        Array.from({ length: 12 }, () =>
          Effect.flatMap(newAddressId, (id) => Effect.exit(addresses.create(me, id, { ...address, isDefault: true })))
        ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 5)
      const { data } = yield* addresses.list(me, {})
      assert.strictEqual(data.filter(({ isDefault }) => isDefault).length, 1)
      const error = yield* Effect.flip(addresses.create(me, yield* newAddressId, address))
      assert(error._tag === "AddressLimitReached")
      assert.strictEqual(error.limit, 5)
    })
  )

  it.effect("is listed page by page, newest first, and only with its own cursors", () =>
    Effect.gen(function* () {
      const addresses = yield* Addresses
      const me = yield* newOwner
      const ids = []
      for (let i = 0; i < 3; i++) ids.unshift((yield* addresses.create(me, yield* newAddressId, address)).id)
      const first = yield* addresses.list(me, { limit: 2 })
      const second = yield* addresses.list(me, { limit: 2, after: first.nextCursor ?? "" })
      assert.deepStrictEqual(
        [...first.data, ...second.data].map(({ id }) => id),
        ids
      )
      assert.isNull(second.nextCursor)
      assert.strictEqual((yield* Effect.flip(addresses.list(me, { after: "nonsense" })))._tag, "InvalidCursor")
    })
  )
})
