import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { ApiKey, ApiKeyId } from "@mall/domain/identity/ApiKey"
import type {
  ApiKeyChange,
  ApiKeyRevocation,
  ApiKeyRotation,
  ApiKeyScope,
  IssuedApiKey,
  NewApiKey
} from "@mall/domain/identity/ApiKey"
import * as apiKeyText from "@mall/domain/identity/apiKeyText"
import {
  ApiKeyEnded,
  ApiKeyExpiryPast,
  ApiKeyLimitReached,
  ApiKeyNotFound,
  ApiKeyShownBefore,
  ScopeNotHeld
} from "@mall/domain/identity/MachineError"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { readsOf, transactionOf } from "@mall/platform/Tenancy"
import { Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { createHash } from "node:crypto"
import { SecretKey } from "../tokens/SecretKey.ts"
import { apiKeyEnvironment } from "./apiKeyEnvironment.ts"
import { ApiKeyRepo } from "./ApiKeyRepo.ts"
import type { ApiKeyRow, SecretRow } from "./ApiKeyRepo.ts"
import { sealPurpose } from "./sealPurpose.ts"

const cursor = cursorOf(ApiKeyId)
const secretLength = 32
const keyLimit = 50
const secretLimit = 5
const defaultOverlap = Duration.days(1)

/** Who makes or changes a key: for its history, and what they may give. */
export interface KeyHolder {
  /** `user:<id>` or `operator:<name>`. */
  readonly actor: string
  holds(scope: ApiKeyScope): boolean
}

const auditActions = { created: "api_key.create", rotated: "api_key.rotate", revoked: "api_key.revoke" } as const

/**
 * The keys with which merchants' servers call. A key's secret is in no answer but that of its making and of its rotation. What
 * changes is known to every process as it commits.
 */
export class ApiKeys extends Context.Service<
  ApiKeys,
  {
    /** Newest first, also those that have ended. */
    list(
      merchantId: MerchantId,
      page: { readonly limit?: number; readonly after?: string }
    ): Effect.Effect<Page<ApiKey>, InvalidCursor>
    /** Where that id was made before (a retry), nothing is made and nothing is shown. */
    create(
      merchantId: MerchantId,
      id: ApiKeyId,
      input: NewApiKey,
      holder: KeyHolder
    ): Effect.Effect<IssuedApiKey, ApiKeyExpiryPast | ApiKeyLimitReached | ApiKeyShownBefore | ScopeNotHeld>
    /**
     * `rotationId` is a UUIDv7 of this rotation: repeated, it rotates once. The answer is the key, so that who rotates holds
     * all that it opens.
     */
    rotate(
      merchantId: MerchantId,
      id: ApiKeyId,
      rotation: ApiKeyRotation & { readonly rotationId: string },
      holder: KeyHolder
    ): Effect.Effect<IssuedApiKey, ApiKeyEnded | ApiKeyLimitReached | ApiKeyNotFound | ApiKeyShownBefore | ScopeNotHeld>
    /** Of a key that was revoked before nothing changes. */
    revoke(
      merchantId: MerchantId,
      id: ApiKeyId,
      revocation: ApiKeyRevocation,
      actor: string
    ): Effect.Effect<ApiKey, ApiKeyNotFound>
  }
>()("@mall/identity/machines/ApiKeys") {
  static readonly layerNoDeps = Layer.effect(
    ApiKeys,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* ApiKeyRepo
      const secretKey = yield* SecretKey
      const random = yield* SecureRandom.SecureRandom
      const environment = yield* apiKeyEnvironment
      const audit = yield* makeAuditRecorder

      const toViews = Effect.fnUntraced(function* (rows: ReadonlyArray<ApiKeyRow>) {
        const now = yield* DateTime.nowAsDate
        const ids = rows.map(({ id }) => id)
        const histories = yield* repo.history(ids)
        const secrets = yield* repo.secrets(ids, now)
        return rows.map((row) => toView(row, histories.get(row.id) ?? [], secrets.get(row.id) ?? [], now))
      })

      const findOwn = Effect.fnUntraced(function* (merchantId: MerchantId, id: ApiKeyId) {
        const row = yield* repo.findOwn(merchantId, id)
        return Option.isSome(row) ? row.value : yield* new ApiKeyNotFound({ apiKeyId: id })
      })

      const viewOf = Effect.fnUntraced(function* (merchantId: MerchantId, id: ApiKeyId) {
        const [view] = yield* toViews([yield* Effect.catchTag(findOwn(merchantId, id), "ApiKeyNotFound", Effect.die)])
        return view ?? (yield* Effect.die(new Error(`The API key ${id} was lost`)))
      })

      /** One change of a merchant's keys at a time. */
      const changing = <A, E>(merchantId: MerchantId, change: Effect.Effect<A, E | SqlError>) =>
        repo
          .lock(merchantId)
          .pipe(Effect.andThen(change), transactionOf(sql, "mall_store_tenant", { merchantId }), retryConflicts)

      const note = Effect.fnUntraced(function* (
        { id, merchantId, name, scopes }: Pick<ApiKeyRow, "id" | "merchantId" | "name" | "scopes">,
        change: Omit<ApiKeyChange, "at" | "traceId">,
        at: Date
      ) {
        yield* repo.note(id, { ...change, at, traceId: yield* currentTraceId })
        yield* audit.record({
          action: auditActions[change.change],
          resource: { type: "api_key", id },
          merchantId,
          reason: change.reason,
          ...(change.change === "created" ? { after: { name, scopes } } : {})
        })
      })

      /** A new secret of a key, stored as the key's method needs it; answers with the key's whole text. */
      const addSecret = Effect.fnUntraced(function* (key: ApiKeyRow, secretId: string, now: Date) {
        const secret = Base64Url.encode(yield* random.randomBytes(secretLength))
        const text = apiKeyText.textOf(key.prefix, secret)
        const kept =
          key.method === "secret"
            ? { hash: new Uint8Array(createHash("sha256").update(text).digest()), sealed: null }
            : { hash: null, sealed: yield* secretKey.seal(new TextEncoder().encode(text), sealPurpose(key.id)) }
        yield* repo.insertSecret({ id: secretId, keyId: key.id, ...kept, createdAt: now, endsAt: null })
        return text
      })

      const list: ApiKeys["Service"]["list"] = Effect.fn("ApiKeys.list")(
        function* (merchantId, page) {
          const limit = page.limit ?? defaultLimit
          const before = page.after === undefined ? undefined : yield* cursor.decode(page.after)
          const views = yield* Effect.flatMap(repo.list(merchantId, { before, limit: limit + 1 }), toViews).pipe(
            readsOf(sql, "mall_store_tenant", { merchantId })
          )
          return toPage(views, limit, ({ id }) => cursor.encode(id))
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const create = Effect.fn("ApiKeys.create")(
        (merchantId: MerchantId, id: ApiKeyId, input: NewApiKey, holder: KeyHolder) =>
          changing(
            merchantId,
            Effect.gen(function* () {
              const now = yield* DateTime.nowAsDate
              if (Option.isSome(yield* repo.find(id))) return yield* new ApiKeyShownBefore({ apiKeyId: id })
              const scopes = [...new Set(input.scopes)]
              yield* requireHeld(scopes, holder)
              const expiresAt = input.expiresAt ?? null
              if (expiresAt !== null && expiresAt <= now) return yield* new ApiKeyExpiryPast({})
              if ((yield* repo.countActive(merchantId, now)) >= keyLimit) {
                return yield* new ApiKeyLimitReached({ limit: keyLimit })
              }
              const { allowedNetworks = [], method, name, reason } = input
              const row = {
                ...{ id, merchantId, name, method, scopes, allowedNetworks, createdAt: now, expiresAt },
                prefix: apiKeyText.prefixOf(environment, id)
              }
              // an id that another merchant's key has is taken as well, and no more is told of it
              yield* Effect.catchReason(repo.insert(row), "SqlError", "UniqueViolation", () =>
                Effect.fail(new ApiKeyShownBefore({ apiKeyId: id }))
              )
              const key = yield* addSecret({ ...row, lastUsedAt: null, revokedAt: null }, id, now)
              yield* note(row, { change: "created", actor: holder.actor, reason }, now)
              return { apiKey: yield* viewOf(merchantId, id), key }
            })
          ),
        Effect.catchTag("SqlError", Effect.die)
      )

      const rotate: ApiKeys["Service"]["rotate"] = Effect.fn("ApiKeys.rotate")(
        (merchantId, id, rotation, holder) =>
          changing(
            merchantId,
            Effect.gen(function* () {
              const now = yield* DateTime.now
              const date = DateTime.toDateUtc(now)
              const row = yield* findOwn(merchantId, id)
              if (yield* repo.hasSecret(rotation.rotationId)) return yield* new ApiKeyShownBefore({ apiKeyId: id })
              if (statusOf(row, date) !== "active") return yield* new ApiKeyEnded({ apiKeyId: id })
              yield* requireHeld(row.scopes, holder)
              const overlap =
                rotation.overlapSeconds === undefined ? defaultOverlap : Duration.seconds(rotation.overlapSeconds)
              yield* repo.endSecrets(id, DateTime.toDateUtc(DateTime.addDuration(now, overlap)))
              const taken = (yield* repo.secrets([id], date)).get(id) ?? []
              if (taken.length >= secretLimit) return yield* new ApiKeyLimitReached({ limit: secretLimit })
              const key = yield* addSecret(row, rotation.rotationId, date)
              yield* note(row, { change: "rotated", actor: holder.actor, reason: rotation.reason }, date)
              return { apiKey: yield* viewOf(merchantId, id), key }
            })
          ),
        Effect.catchTag("SqlError", Effect.die)
      )

      const revoke: ApiKeys["Service"]["revoke"] = Effect.fn("ApiKeys.revoke")(
        (merchantId, id, { reason }, actor) =>
          changing(
            merchantId,
            Effect.gen(function* () {
              const now = yield* DateTime.nowAsDate
              const row = yield* findOwn(merchantId, id)
              if (row.revokedAt === null) {
                yield* repo.revoke(id, now)
                yield* note(row, { change: "revoked", actor, reason }, now)
              }
              return yield* viewOf(merchantId, id)
            })
          ),
        Effect.catchTag("SqlError", Effect.die)
      )

      return ApiKeys.of({ list, create, rotate, revoke })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide([SecretKey.layer, NodeCrypto.layerSecureRandom]))
}

const requireHeld = (scopes: ReadonlyArray<ApiKeyScope>, { holds }: KeyHolder) => {
  const missing = scopes.filter((scope) => !holds(scope))
  return missing.length === 0 ? Effect.void : Effect.fail(new ScopeNotHeld({ scopes: missing }))
}

const statusOf = ({ expiresAt, revokedAt }: ApiKeyRow, now: Date): ApiKey["status"] =>
  revokedAt !== null ? "revoked" : expiresAt !== null && expiresAt <= now ? "expired" : "active"

const toView = (row: ApiKeyRow, history: ReadonlyArray<ApiKeyChange>, secrets: ReadonlyArray<SecretRow>, now: Date) => {
  const ends = secrets.flatMap(({ endsAt }) => endsAt ?? [])
  const status = statusOf(row, now)
  return new ApiKey({
    ...row,
    status,
    overlapEndsAt: status !== "active" ? null : (ends.toSorted((one, other) => Number(other) - Number(one))[0] ?? null),
    history
  })
}
