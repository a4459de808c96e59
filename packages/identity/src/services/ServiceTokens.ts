import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { ServiceTokenId, ServiceTokenLimitReached, ServiceTokenNotFound } from "@mall/domain/identity/ServiceToken"
import type { IssuedServiceToken, ServiceToken } from "@mall/domain/identity/ServiceToken"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { generator } from "@mall/domain/kernel/Id"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { SqlClient } from "effect/sql"
import { hashOf, textOf } from "./serviceTokenText.ts"
import { ServiceTokenRepo } from "./ServiceTokenRepo.ts"
import type { Pair, ServiceTokenRow } from "./ServiceTokenRepo.ts"

const newTokenId = generator(ServiceTokenId)
const cursor = cursorOf(ServiceTokenId)
const secretLength = 32
const tokenLimit = 5

export interface Issue extends Pair {
  readonly lifetime: Duration.Duration
  /** The tokens of before, between the same services, end after this; undefined: they go on until they expire. */
  readonly overlap: Duration.Duration | undefined
  readonly reason: string
  /** `operator:<name>`. */
  readonly actor: string
}

/**
 * The tokens with which our services call each other. What changes is known to every process as it commits, and kept in the
 * audit trail.
 */
export class ServiceTokens extends Context.Service<
  ServiceTokens,
  {
    /** Newest first, also those that have ended. */
    list(page: { readonly limit?: number; readonly after?: string }): Effect.Effect<Page<ServiceToken>, InvalidCursor>
    issue(issue: Issue): Effect.Effect<IssuedServiceToken, ServiceTokenLimitReached>
    /** Of a token that was revoked before nothing changes. */
    revoke(id: ServiceTokenId, reason: string): Effect.Effect<ServiceToken, ServiceTokenNotFound>
  }
>()("@mall/identity/services/ServiceTokens") {
  static readonly layerNoDeps = Layer.effect(
    ServiceTokens,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* ServiceTokenRepo
      const random = yield* SecureRandom.SecureRandom
      const audit = yield* makeAuditRecorder

      const resourceOf = (id: ServiceTokenId) => ({ type: "service_token", id })

      const list: ServiceTokens["Service"]["list"] = Effect.fn("ServiceTokens.list")(
        function* (page) {
          const limit = page.limit ?? defaultLimit
          const before = page.after === undefined ? undefined : yield* cursor.decode(page.after)
          const now = yield* DateTime.nowAsDate
          const rows = yield* repo.list({ before, limit: limit + 1 })
          return toPage(
            rows.map((row) => toView(row, now)),
            limit,
            ({ id }) => cursor.encode(id)
          )
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      /** The former tokens of a pair end at `at`. */
      const retire = Effect.fnUntraced(function* (former: ReadonlyArray<ServiceTokenRow>, at: Date, reason: string) {
        for (const { expiresAt, id } of former) {
          if (expiresAt <= at) continue
          yield* repo.endAt(id, at)
          yield* audit.record({
            action: "service_token.retire",
            resource: resourceOf(id),
            reason,
            before: { expiresAt },
            after: { expiresAt: at }
          })
        }
      })

      const issue: ServiceTokens["Service"]["issue"] = Effect.fn("ServiceTokens.issue")(
        function* ({ actor, calledService, callingService, lifetime, overlap, reason }) {
          yield* repo.lock
          const now = yield* DateTime.now
          const createdAt = DateTime.toDateUtc(now)
          const after = (duration: Duration.Duration) => DateTime.toDateUtc(DateTime.addDuration(now, duration))
          const active = yield* repo.active(createdAt)
          const former = active.filter(
            (row) => row.callingService === callingService && row.calledService === calledService
          )
          const endsAt = overlap === undefined ? undefined : after(overlap)
          const remaining = former.filter(() => endsAt === undefined || endsAt > createdAt)
          if (remaining.length >= tokenLimit) return yield* new ServiceTokenLimitReached({ limit: tokenLimit })
          if (endsAt !== undefined) yield* retire(former, endsAt, reason)

          const token = textOf(Base64Url.encode(yield* random.randomBytes(secretLength)))
          const row: ServiceTokenRow = {
            ...{ id: yield* newTokenId, callingService, calledService, hash: hashOf(token) },
            ...{ createdAt, createdBy: actor, expiresAt: after(lifetime), revokedAt: null }
          }
          yield* repo.insert(row)
          yield* audit.record({
            action: "service_token.issue",
            resource: resourceOf(row.id),
            reason,
            after: { callingService, calledService, expiresAt: row.expiresAt }
          })
          return { serviceToken: toView(row, createdAt), token }
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const revoke: ServiceTokens["Service"]["revoke"] = Effect.fn("ServiceTokens.revoke")(
        function* (id, reason) {
          yield* repo.lock
          const now = yield* DateTime.nowAsDate
          const row = Option.getOrUndefined(yield* repo.find(id))
          if (row === undefined) return yield* new ServiceTokenNotFound({ serviceTokenId: id })
          if (row.revokedAt !== null) return toView(row, now)
          yield* repo.revoke(id, now)
          const { calledService, callingService } = row
          yield* audit.record({
            action: "service_token.revoke",
            resource: resourceOf(id),
            reason,
            before: { callingService, calledService, revokedAt: null },
            after: { callingService, calledService, revokedAt: now }
          })
          return toView({ ...row, revokedAt: now }, now)
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      return ServiceTokens.of({ list, issue, revoke })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide([ServiceTokenRepo.layer, NodeCrypto.layerSecureRandom]))
}

const toView = ({ hash: _hash, ...row }: ServiceTokenRow, now: Date): ServiceToken => ({
  ...row,
  status: row.revokedAt !== null ? "revoked" : row.expiresAt <= now ? "expired" : "active"
})
