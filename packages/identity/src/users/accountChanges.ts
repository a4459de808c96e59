import type { AccountEventType } from "@mall/domain/identity/AccountEvent"
import type { UserId } from "@mall/domain/identity/CurrentUser"
import { UserNotFound } from "@mall/domain/identity/IdentityError"
import type { AuditAction } from "@mall/domain/operations/Audit"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { DateTime, Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import { administers, Policies } from "../policy/Policies.ts"
import { Revocations } from "../tokens/Revocations.ts"
import { SessionRepo } from "../tokens/SessionRepo.ts"
import { AccountEvents } from "./AccountEvents.ts"
import { StoredUser } from "./StoredUser.ts"
import { UserRepo } from "./UserRepo.ts"
import type { UserPatch } from "./UserRepo.ts"

/** Who changes an account, and why. `actorId` is null for an operator at the command line. */
export interface Act {
  readonly actorId: UserId | null
  readonly reason: string
}

const auditActions = {
  banned: "user.ban",
  unbanned: "user.unban",
  logged_out_everywhere: "user.logout",
  role_granted: "user.role_grant",
  role_revoked: "user.role_revoke"
} as const satisfies { readonly [Type in AccountEventType]?: AuditAction }

/** What operators decide about an account; nothing of the person. */
const accessOf = ({ bannedAt, banReason, merchantId, roles, shopRoles }: StoredUser) => ({
  bannedAt,
  banReason,
  merchantId,
  roles,
  shopRoles
})

/** What was decided about an account. */
export interface AccountChange {
  readonly type: keyof typeof auditActions
  readonly subject?: string
  readonly patch: Omit<UserPatch, "updatedAt">
  /** Sessions end too: their refresh tokens are good for nothing any more. Access tokens end in any case. */
  readonly endsSessions: boolean
}

export const orNotFound = (userId: UserId) => (user: Option.Option<StoredUser>) =>
  Effect.mapError(Effect.fromOption(user), () => new UserNotFound({ userId }))

/** How an account is changed: under its lock, with its line of history and of the audit trail, and heard by every process. */
export const makeAccountChanges = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const users = yield* UserRepo
  const sessions = yield* SessionRepo
  const events = yield* AccountEvents
  const revocations = yield* Revocations
  const policies = yield* Policies
  const audit = yield* makeAuditRecorder

  /** Locks the user, decides, and applies; a decision of undefined changes nothing. */
  const change = Effect.fnUntraced(
    function* <E>(
      userId: UserId,
      act: Act,
      decide: (user: StoredUser, now: Date) => Effect.Effect<AccountChange | undefined, E>,
      isOfRoles = false
    ) {
      const now = DateTime.toDateUtc(yield* DateTime.now)
      if (isOfRoles) {
        yield* policies.lock
        yield* policies.reload
      }
      const before = yield* Effect.flatMap(users.lock(userId), orNotFound(userId))
      const decision = yield* decide(before, now)
      if (decision === undefined) return before
      const { endsSessions, patch, subject, type } = decision
      const after = yield* Effect.flatMap(users.update(userId, { ...patch, updatedAt: now }), orNotFound(userId))
      if (endsSessions) yield* sessions.revokeAll(userId, now, null)
      yield* events.record({ userId, type, ...act, ...(subject === undefined ? {} : { subject }) })
      const tokenVersion = yield* users.raiseTokenVersion(userId, now)
      yield* audit.record({
        action: auditActions[type],
        resource: { type: "user", id: userId },
        merchantId: after.merchantId ?? before.merchantId,
        reason: act.reason,
        ...(type === "logged_out_everywhere" ? {} : { before: accessOf(before), after: accessOf(after) })
      })
      return new StoredUser({ ...after, tokenVersion })
    },
    sql.withTransaction,
    retryConflicts,
    Effect.catchTag("SqlError", Effect.die),
    Effect.tap(({ id, tokenVersion }) => Effect.sync(() => revocations.raiseVersion(id, tokenVersion)))
  )

  /** Fails for the last administrator. */
  const assertOtherAdministrator = (userId: UserId) =>
    users.assertOtherAdministrator(userId, (roles) => administers(policies.current(), roles))

  return { change, assertOtherAdministrator }
})
