import { UserId } from "@mall/domain/identity/CurrentUser"
import { EmailTaken, LastAdministrator } from "@mall/domain/identity/IdentityError"
import { Role } from "@mall/domain/identity/Permission"
import type { Email, Locale } from "@mall/domain/identity/User"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { keysOf } from "@mall/platform/sealing/tableIndexing"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { openUsers, personColumns, sealedUsers } from "./StoredUser.ts"
import type { StoredUser } from "./StoredUser.ts"

export interface NewUser {
  readonly id: UserId
  readonly email: Email
  readonly passwordHash: string
  readonly name: string
  readonly locale: Locale
  readonly roles: ReadonlyArray<Role>
  readonly merchantId: MerchantId | null
  readonly now: Date
}

/** What may be changed of a user that is not deleted. */
export interface UserPatch {
  readonly name?: string
  readonly locale?: Locale
  readonly avatarUrl?: string | null
  readonly passwordHash?: string
  readonly roles?: ReadonlyArray<Role>
  readonly shopRoles?: ReadonlyArray<Role>
  readonly merchantId?: MerchantId | null
  readonly bannedAt?: Date | null
  readonly banReason?: string | null
  readonly updatedAt: Date
}

export interface UserFilter {
  readonly email: Email | undefined
  readonly role: Role | undefined
  readonly banned: boolean | undefined
}

export interface HoldersQuestion {
  readonly allowing: ReadonlyArray<Role>
  readonly denying: ReadonlyArray<Role>
  /** The shop for which it would do to have the permission there, and the roles that count within a shop. */
  readonly within: { readonly merchantId: MerchantId; readonly allowing: ReadonlyArray<Role> } | undefined
}

/** The statements on `identity.users`. They join the transaction they run in. */
export class UserRepo extends Context.Service<
  UserRepo,
  {
    /** Needs a transaction, which `EmailTaken` ends. */
    insert(user: NewUser): Effect.Effect<void, EmailTaken | SqlError>
    findById(id: UserId): Effect.Effect<Option.Option<StoredUser>, SqlError>
    findByEmail(email: Email): Effect.Effect<Option.Option<StoredUser>, SqlError>
    /** Locks the row of a user that is not deleted until the transaction ends. */
    lock(id: UserId): Effect.Effect<Option.Option<StoredUser>, SqlError>
    /** None where there is no such user, or a deleted one. */
    update(id: UserId, patch: UserPatch): Effect.Effect<Option.Option<StoredUser>, SqlError>
    /** Notes a login, if the password is still the one that was verified and the user may still sign in. */
    recordLogin(
      id: UserId,
      login: { readonly verifiedHash: string; readonly newHash: string; readonly now: Date }
    ): Effect.Effect<Option.Option<StoredUser>, SqlError>
    /** Ends every access token issued before; answers with the version that new ones carry. */
    raiseTokenVersion(id: UserId, now: Date): Effect.Effect<number, SqlError>
    /** Leaves of a user only the id. */
    erase(id: UserId, now: Date): Effect.Effect<void, SqlError>
    /**
     * Fails where no admin but `id` can administer, as `administers` says of their roles. Those who would take it from
     * each other take turns; needs a transaction, which a deadlock with another user's change runs again.
     */
    assertOtherAdministrator(
      id: UserId | null,
      administers: (roles: ReadonlyArray<Role>) => boolean
    ): Effect.Effect<void, LastAdministrator | SqlError>
    /** Who has one of `allowing` and none of `denying`, in the mall or within the shop; newest first. */
    listHolders(
      question: HoldersQuestion,
      page: { readonly before: UserId | undefined; readonly limit: number }
    ): Effect.Effect<Array<StoredUser>, SqlError>
    /** The staff of a shop, newest first. */
    listStaff(
      merchantId: MerchantId,
      page: { readonly before: UserId | undefined; readonly limit: number }
    ): Effect.Effect<Array<StoredUser>, SqlError>
    /** Newest first, `limit` at most, those before `before`. */
    list(
      filter: UserFilter,
      page: { readonly before: UserId | undefined; readonly limit: number }
    ): Effect.Effect<Array<StoredUser>, SqlError>
  }
>()("@mall/identity/users/UserRepo") {
  static readonly layerNoDeps = Layer.effect(
    UserRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const open = openUsers(keys)
      const entriesOf = keys.indexOf(sealedUsers.name)

      const one = <R>(run: (request: R) => Effect.Effect<ReadonlyArray<unknown>, SqlError>) =>
        Effect.fnUntraced(function* (request: R) {
          return Option.fromNullishOr((yield* open(yield* run(request)))[0])
        })

      /** An account under a key that is not here is found by nothing: its address would look free. */
      const assertAllFound = Effect.gen(function* () {
        const missing = (yield* keysOf(sql, sealedUsers.name, "personal_data_key")).filter(
          (keyId) => keyId !== "" && !keys.ids.includes(keyId)
        )
        if (missing.length === 0) return
        const named = missing.join(", ")
        return yield* Effect.die(new Error(`No account can be opened while others are sealed under ${named}, not here`))
      })

      /** One of before is told from its column; it is sealed and found by its entries at the same moment. */
      const insert = Effect.fn("UserRepo.insert")(
        function* ({ email, name, now, ...user }: NewUser) {
          yield* assertAllFound
          const entries = entriesOf(email)
          const row = { ...user, ...personColumns(keys, user.id, { email, name, avatarUrl: null }) }
          // in the order in which everybody adds entries, so that two who want the same address wait for each other only once
          const added = yield* sql`
            WITH opened AS (
              INSERT INTO identity.users ${sql.insert({ ...row, tokenVersionAt: now, createdAt: now, updatedAt: now })}
              RETURNING id
            )
            INSERT INTO identity.email_indexes (digest, key_id, user_id)
            SELECT given.digest, given.key_id, opened.id
            FROM opened CROSS JOIN unnest(
              ${entries.map(({ digest }) => digest)}::bytea[], ${entries.map(({ keyId }) => keyId)}::text[]
            ) AS given (digest, key_id)
            WHERE NOT EXISTS (SELECT FROM identity.users WHERE users.email = ${email})
            ORDER BY given.digest RETURNING key_id`
          if (added.length === 0) return yield* new EmailTaken({})
        },
        Effect.catchTag("SqlError", (error): Effect.Effect<never, EmailTaken | SqlError> =>
          error.reason._tag === "UniqueViolation" && error.reason.constraint === "email_indexes_pkey"
            ? new EmailTaken({})
            : Effect.fail(error)
        )
      )

      const hasEmail = (email: Email) => sql`(
        users.id = (
          SELECT entry.user_id FROM identity.email_indexes AS entry
          WHERE entry.digest = ANY (${entriesOf(email).map(({ digest }) => digest)}::bytea[]) LIMIT 1
        ) OR users.email = ${email}
      )`

      const findById = one((id: UserId) => sql`SELECT * FROM identity.users WHERE id = ${id}`)
      const selectByEmail = one((email: Email) => sql`SELECT users.* FROM identity.users WHERE ${hasEmail(email)}`)
      // an entry that was put to another account finds nobody
      const findByEmail = (email: Email) =>
        Effect.map(
          selectByEmail(email),
          Option.filter((user) => user.email === email)
        )
      const lock = one(
        (id: UserId) => sql`SELECT * FROM identity.users WHERE id = ${id} AND deleted_at IS NULL FOR NO KEY UPDATE`
      )
      const updateOne = one(
        ({ id, patch }: { readonly id: UserId; readonly patch: Omit<UserPatch, "name" | "avatarUrl"> }) => sql`
          UPDATE identity.users SET ${sql.update({ ...patch })} WHERE id = ${id} AND deleted_at IS NULL RETURNING *
        `
      )
      /** Email, name and picture are sealed as one: the row is locked, or another change of them would be lost. */
      const updatePerson = Effect.fnUntraced(function* (id: UserId, { avatarUrl, name, ...patch }: UserPatch) {
        const found = yield* lock(id)
        if (Option.isNone(found)) return found
        const { email, ...before } = found.value
        const person = {
          email,
          name: name ?? before.name,
          avatarUrl: avatarUrl === undefined ? before.avatarUrl : avatarUrl
        }
        return yield* updateOne({ id, patch: { ...patch, ...personColumns(keys, id, person) } })
      }, sql.withTransaction)
      const update = Effect.fn("UserRepo.update")((id: UserId, patch: UserPatch) =>
        patch.avatarUrl === undefined && patch.name === undefined ? updateOne({ id, patch }) : updatePerson(id, patch)
      )
      const recordLoginOf = one(
        (login: {
          readonly id: UserId
          readonly verifiedHash: string
          readonly newHash: string
          readonly now: Date
        }) => sql`
          UPDATE identity.users SET last_login_at = ${login.now}, password_hash = ${login.newHash}
          WHERE id = ${login.id} AND password_hash = ${login.verifiedHash} AND banned_at IS NULL
          RETURNING *
        `
      )

      const raise = SqlSchema.findOne({
        Request: Schema.Struct({ id: UserId, now: Schema.Date }),
        Result: Schema.Struct({ tokenVersion: Schema.Int }),
        execute: ({ id, now }) => sql`
          UPDATE identity.users SET token_version = token_version + 1, token_version_at = ${now}
          WHERE id = ${id} RETURNING token_version
        `
      })
      const raiseTokenVersion = Effect.fn("UserRepo.raiseTokenVersion")((id: UserId, now: Date) =>
        raise({ id, now }).pipe(
          Effect.map(({ tokenVersion }) => tokenVersion),
          Effect.catchTag(["SchemaError", "NoSuchElementError"], Effect.die)
        )
      )

      const erase = Effect.fn("UserRepo.erase")(
        (id: UserId, now: Date) => sql`
          WITH unlinked AS (DELETE FROM identity.provider_identities WHERE user_id = ${id}),
            unfound AS (DELETE FROM identity.email_indexes WHERE user_id = ${id})
          UPDATE identity.users SET
            email = NULL, personal_data = NULL, personal_data_key = NULL, password_hash = NULL, name = '', avatar_url = NULL,
            roles = ARRAY['customer'],
            shop_roles = '{}', merchant_id = NULL, ban_reason = left(ban_reason, 0), deleted_at = ${now},
            updated_at = ${now}
          WHERE id = ${id}
        `,
        Effect.asVoid
      )

      const list = Effect.fn("UserRepo.list")(
        (
          { banned, email, role }: UserFilter,
          { before, limit }: { readonly before: UserId | undefined; readonly limit: number }
        ) => {
          const conditions = [
            ...(email === undefined ? [] : [hasEmail(email)]),
            ...(role === undefined ? [] : [sql`(roles @> ARRAY[${role}::text] OR shop_roles @> ARRAY[${role}::text])`]),
            ...(banned === undefined ? [] : [banned ? sql`banned_at IS NOT NULL` : sql`banned_at IS NULL`]),
            ...(before === undefined ? [] : [sql`users.id < ${before}::uuid`])
          ]
          return sql`
            SELECT users.* FROM identity.users ${conditions.length === 0 ? sql`` : sql`WHERE ${sql.and(conditions)}`}
            ORDER BY users.id DESC LIMIT ${limit}
          `
        },
        Effect.flatMap(open)
      )

      const selectOtherAdministrators = SqlSchema.findAll({
        Request: Schema.NullOr(UserId),
        Result: Schema.Struct({ roles: Schema.Array(Role) }),
        execute: (id) => sql`
          SELECT DISTINCT roles FROM identity.users
          WHERE roles @> ARRAY['admin'] AND banned_at IS NULL AND deleted_at IS NULL AND id IS DISTINCT FROM ${id}
        `
      })
      const assertOtherAdministrator = Effect.fn("UserRepo.assertOtherAdministrator")(
        function* (id: UserId | null, administers: (roles: ReadonlyArray<Role>) => boolean) {
          yield* sql`SELECT pg_advisory_xact_lock(hashtext('identity.administrators'))`
          const others = yield* selectOtherAdministrators(id)
          if (!others.some(({ roles }) => administers(roles))) return yield* new LastAdministrator({})
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      const listWhere = (
        condition: Fragment,
        { before, limit }: { readonly before: UserId | undefined; readonly limit: number }
      ) =>
        sql`
          SELECT users.* FROM identity.users
          WHERE users.deleted_at IS NULL AND ${condition}
            ${before === undefined ? sql`` : sql`AND users.id < ${before}::uuid`}
          ORDER BY users.id DESC LIMIT ${limit}
        `.pipe(Effect.flatMap(open))

      const listHolders: UserRepo["Service"]["listHolders"] = Effect.fn("UserRepo.listHolders")((
        { allowing, denying, within },
        page
      ) => {
        // `merchant` is held within a shop, wherever it stands
        const isDenied = sql`array_remove(users.roles, 'merchant') && ${denying}::text[]`
        const inMall = sql`array_remove(users.roles, 'merchant') && ${allowing}::text[]`
        const staffRoles = sql`(users.shop_roles || CASE WHEN 'merchant' = ANY (users.roles) THEN ARRAY['merchant'] ELSE '{}' END)`
        const inShop =
          within === undefined
            ? sql`FALSE`
            : sql`(users.merchant_id = ${within.merchantId} AND ${staffRoles} && ${within.allowing}::text[]
                  AND NOT ${staffRoles} && ${denying}::text[])`
        return listWhere(sql`users.banned_at IS NULL AND NOT (${isDenied}) AND (${inMall} OR ${inShop})`, page)
      })
      const listStaff: UserRepo["Service"]["listStaff"] = Effect.fn("UserRepo.listStaff")((merchantId, page) =>
        listWhere(sql`users.merchant_id = ${merchantId}`, page)
      )

      return UserRepo.of({
        assertOtherAdministrator,
        listHolders,
        listStaff,
        insert,
        findById: Effect.fn("UserRepo.findById")(findById),
        findByEmail: Effect.fn("UserRepo.findByEmail")(findByEmail),
        lock: Effect.fn("UserRepo.lock")(lock),
        update,
        recordLogin: Effect.fn("UserRepo.recordLogin")((id, login) => recordLoginOf({ id, ...login })),
        raiseTokenVersion,
        erase,
        list
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(PersonalDataKeys.layer))
}
