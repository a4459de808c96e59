import type { Address, AddressInput } from "@mall/domain/identity/Address"
import { AddressBook, AddressId, AddressNotFound } from "@mall/domain/identity/AddressBook"
import { placeOf } from "@mall/domain/identity/AddressParts"
import { UserId } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { AddressLimitReached } from "@mall/domain/identity/IdentityError"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import { gatherReads } from "@mall/platform/gatherReads"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Config, Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { addressColumns, openAddress, openContact, StoredAddress, StoredPostalAddress } from "./storedAddress.ts"
import { UserRepo } from "./UserRepo.ts"

const cursor = cursorOf(AddressId)

/** Users' address books. Another user's address is one that does not exist. */
export class Addresses extends Context.Service<
  Addresses,
  {
    list(
      principal: Principal,
      page: { readonly limit?: number; readonly after?: string }
    ): Effect.Effect<Page<Address>, InvalidCursor>
    get(principal: Principal, id: AddressId): Effect.Effect<Address, AddressNotFound>
    /** Adds an address with that id; where the user added it before (a retry), answers with it. */
    create(
      principal: Principal,
      id: AddressId,
      input: AddressInput
    ): Effect.Effect<Address, AddressLimitReached | AddressNotFound | Unauthorized>
    replace(
      principal: Principal,
      id: AddressId,
      input: AddressInput
    ): Effect.Effect<Address, AddressNotFound | Unauthorized>
    delete(principal: Principal, id: AddressId): Effect.Effect<void, AddressNotFound | Unauthorized>
  }
>()("@mall/identity/users/Addresses") {
  static readonly layerNoDeps = Layer.effect(
    Addresses,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const users = yield* UserRepo
      const maximum = yield* Config.Int("ADDRESS_LIMIT").pipe(Config.withDefault(50))
      const currentDate = Effect.map(DateTime.now, DateTime.toDateUtc)

      const Own = Schema.Struct({ userId: UserId, id: AddressId })
      const select = SqlSchema.findOneOption({
        Request: Own,
        Result: StoredAddress,
        execute: ({ userId, id }) => sql`SELECT * FROM identity.addresses WHERE id = ${id} AND user_id = ${userId}`
      })
      const find = Effect.fnUntraced(
        function* (userId: UserId, id: AddressId) {
          const row = yield* select({ userId, id })
          return yield* Option.isSome(row) ? openAddress(keys, row.value) : new AddressNotFound({ addressId: id })
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      const count = SqlSchema.findOne({
        Request: UserId,
        Result: Schema.Struct({ count: Schema.Int }),
        execute: (userId) => sql`SELECT count(*)::int AS count FROM identity.addresses WHERE user_id = ${userId}`
      })

      /** All changes of one book wait for each other at the user's row. */
      const lockBook = Effect.fnUntraced(function* (userId: UserId) {
        if (Option.isNone(yield* users.lock(userId))) return yield* new Unauthorized({})
      })

      const dropDefault = (userId: UserId) =>
        sql`UPDATE identity.addresses SET is_default = false WHERE user_id = ${userId} AND is_default`

      const insert = SqlSchema.findOneOption({
        Request: Schema.Record(Schema.String, Schema.Unknown),
        Result: StoredAddress,
        execute: (row) => sql`INSERT INTO identity.addresses ${sql.insert(row)} ON CONFLICT (id) DO NOTHING RETURNING *`
      })

      const list: Addresses["Service"]["list"] = Effect.fn("Addresses.list")(function* ({ userId }, page) {
        const limit = page.limit ?? defaultLimit
        const before = page.after === undefined ? undefined : yield* cursor.decode(page.after)
        const rows = yield* Effect.orDie(selectPage({ userId, before, limit: limit + 1 }))
        const addresses = yield* Effect.forEach(rows, (row) => openAddress(keys, row))
        return toPage(addresses, limit, ({ id }) => cursor.encode(id))
      })
      const selectPage = SqlSchema.findAll({
        Request: Schema.Struct({ userId: UserId, before: Schema.UndefinedOr(AddressId), limit: Schema.Int }),
        Result: StoredAddress,
        execute: ({ userId, before, limit }) => sql`
          SELECT * FROM identity.addresses
          WHERE user_id = ${userId} ${before === undefined ? sql`` : sql`AND addresses.id < ${before}::uuid`}
          ORDER BY addresses.id DESC LIMIT ${limit}
        `
      })

      const get = Effect.fn("Addresses.get")(({ userId }: Principal, id: AddressId) =>
        find(userId, id).pipe(Effect.catchTag("SqlError", Effect.die))
      )

      const create = Effect.fn("Addresses.create")(
        function* ({ userId }: Principal, id: AddressId, { isDefault = false, ...address }: AddressInput) {
          yield* lockBook(userId)
          const before = yield* select({ userId, id })
          if (Option.isSome(before)) return yield* openAddress(keys, before.value)
          const { count: held } = yield* count(userId)
          if (held >= maximum) return yield* new AddressLimitReached({ limit: maximum })
          if (isDefault) yield* dropDefault(userId)
          const now = yield* currentDate
          const added = yield* insert({
            ...{ id, userId, ...addressColumns(keys, id, address) },
            ...{ isDefault: isDefault || held === 0, createdAt: now, updatedAt: now }
          })
          return yield* Option.isSome(added) ? openAddress(keys, added.value) : new AddressNotFound({ addressId: id })
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag(["SqlError", "SchemaError", "NoSuchElementError"], Effect.die)
      )

      const replace = Effect.fn("Addresses.replace")(
        function* ({ userId }: Principal, id: AddressId, { isDefault = false, ...address }: AddressInput) {
          yield* lockBook(userId)
          const before = yield* find(userId, id)
          if (isDefault) yield* dropDefault(userId)
          const updatedAt = yield* currentDate
          const row = { ...addressColumns(keys, id, address), isDefault: isDefault || before.isDefault, updatedAt }
          yield* sql`UPDATE identity.addresses SET ${sql.update(row)} WHERE id = ${id} AND user_id = ${userId}`
          return yield* find(userId, id)
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const remove = Effect.fn("Addresses.delete")(
        function* ({ userId }: Principal, id: AddressId) {
          yield* lockBook(userId)
          const { isDefault } = yield* find(userId, id)
          yield* sql`DELETE FROM identity.addresses WHERE id = ${id} AND user_id = ${userId}`
          if (!isDefault) return
          yield* sql`
            UPDATE identity.addresses SET is_default = true WHERE id = (
              SELECT id FROM identity.addresses WHERE user_id = ${userId} ORDER BY addresses.id DESC LIMIT 1
            )
          `
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      return Addresses.of({ list, get, create, replace, delete: remove })
    })
  )

  /** The port through which other contexts read a user's address. */
  static readonly layerAddressBook = Layer.effect(
    AddressBook,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const select = SqlSchema.findAll({
        Request: Schema.Array(AddressId),
        Result: StoredPostalAddress,
        execute: (ids) => sql`SELECT * FROM identity.addresses WHERE id = ANY (${ids}::uuid[])`
      })
      const read = gatherReads(sql, (ids: ReadonlyArray<AddressId>) =>
        Effect.map(select(ids), (rows) => new Map(rows.map((row) => [row.id, row])))
      )
      const find = Effect.fn("AddressBook.find")(function* (userId: UserId, id: AddressId) {
        const row = (yield* Effect.orDie(read([id]))).get(id)
        if (row === undefined || row.userId !== userId) return yield* new AddressNotFound({ addressId: id })
        return { ...placeOf(row), ...(yield* openContact(keys, row)) }
      })
      return AddressBook.of({ find })
    })
  ).pipe(Layer.provide(PersonalDataKeys.layer))
}
