import { UserId } from "@mall/domain/identity/CurrentUser"
import type { LastAdministrator, PermissionNotHeld } from "@mall/domain/identity/IdentityError"
import { UserNotFound } from "@mall/domain/identity/IdentityError"
import { shopPermissions } from "@mall/domain/identity/Permission"
import type { Permission } from "@mall/domain/identity/Permission"
import { PolicyChanged, PolicyInvalid, PolicyVersionNotFound } from "@mall/domain/identity/Policy"
import type {
  PolicyChange,
  PolicyChangeId,
  PolicyDiff,
  PolicyDocument,
  PolicyExplanation,
  PolicyQuestion,
  PolicyRollback,
  PolicyVersion,
  RoleHolder
} from "@mall/domain/identity/Policy"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { UserRepo } from "../users/UserRepo.ts"
import type { StoredUser } from "../users/StoredUser.ts"
import { assertHeld } from "./assertHeld.ts"
import type { CompiledPolicy } from "./CompiledPolicy.ts"
import { compilePolicy, idleRule } from "./compilePolicy.ts"
import * as judge from "./judgePolicy.ts"
import { administers, Policies } from "./Policies.ts"

const cursor = cursorOf(UserId)

/** Who changes the policy: a user, or an operator at the command line, who has the database in hand. */
export type PolicyAuthor = { readonly userId: UserId } | { readonly operator: string }

const authorOf = (author: PolicyAuthor) =>
  "userId" in author ? `user:${author.userId}` : `operator:${author.operator}`
const actorIdOf = (author: PolicyAuthor) => ("userId" in author ? author.userId : null)

type ApplyError = PolicyChanged | PolicyInvalid | PermissionNotHeld | LastAdministrator

/** The policy in the hands of administrators: what it says, what a change would do, and the change itself. */
export class PolicyAdministration extends Context.Service<
  PolicyAdministration,
  {
    readonly current: Effect.Effect<PolicyVersion>
    find(version: number): Effect.Effect<PolicyVersion, PolicyVersionNotFound>
    versions(page: {
      readonly limit?: number
      readonly after?: string
    }): Effect.Effect<Page<PolicyVersion>, InvalidCursor>
    /** What the document would open and close, compared with what counts now. */
    diff(document: PolicyDocument): Effect.Effect<PolicyDiff, PolicyInvalid>
    /**
     * Puts a document into force in the place of `version`. The author holds all that it opens to anybody, and somebody
     * who can administer is left. The same `id` again is answered with what it made.
     */
    apply(id: PolicyChangeId, change: PolicyChange, author: PolicyAuthor): Effect.Effect<PolicyVersion, ApplyError>
    /** The same with the document of a former version. */
    rollback(
      id: PolicyChangeId,
      rollback: PolicyRollback,
      author: PolicyAuthor
    ): Effect.Effect<PolicyVersion, ApplyError | PolicyVersionNotFound>
    explain(question: PolicyQuestion): Effect.Effect<PolicyExplanation, UserNotFound>
    /** Who may do it, for the shop or for the whole mall; newest accounts first, banned ones left out. */
    whoCan(query: {
      readonly permission: Permission
      readonly merchantId?: MerchantId
      readonly limit?: number
      readonly after?: string
    }): Effect.Effect<Page<RoleHolder>, InvalidCursor>
  }
>()("@mall/identity/policy/PolicyAdministration") {
  static readonly layerNoDeps = Layer.effect(
    PolicyAdministration,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const policies = yield* Policies
      const users = yield* UserRepo
      const audit = yield* makeAuditRecorder

      const find = Effect.fn("PolicyAdministration.find")(function* (version: number) {
        const found = yield* Effect.orDie(policies.find(version))
        return Option.isSome(found) ? found.value : yield* new PolicyVersionNotFound({ version })
      })

      /** The document ready for use, where it can be put into force at all. */
      const ready = Effect.fnUntraced(function* (version: number, document: PolicyDocument) {
        const policy = yield* compilePolicy(version, document)
        const idle = idleRule(policy)
        return idle === undefined ? policy : yield* new PolicyInvalid({ reason: idle })
      })

      const commit = Effect.fnUntraced(
        function* (
          id: PolicyChangeId,
          change: PolicyChange,
          { author, restores }: { readonly restores: number | null; readonly author: PolicyAuthor },
          after: CompiledPolicy
        ) {
          yield* policies.lock
          const done = yield* policies.findChange(id)
          if (Option.isSome(done)) return done.value
          yield* policies.reload
          const before = policies.current()
          if (before.version !== change.version) return yield* new PolicyChanged({ version: before.version })
          yield* assertHeld(users, before, actorIdOf(author), judge.openings(before, after), null)
          if (!administers(after, ["customer", "admin"])) {
            return yield* new PolicyInvalid({
              reason:
                "The role admin must hold users:administer and policy:administer, and the role customer not deny them"
            })
          }
          yield* assertAdministrable(before, after)
          const { document, reason } = change
          const row = { id, version: after.version, document, reason, restores, author: authorOf(author) }
          const createdAt = DateTime.toDateUtc(yield* DateTime.now)
          yield* policies.insert({ ...row, traceId: yield* currentTraceId, createdAt })
          yield* audit.record({
            action: restores === null ? "policy.apply" : "policy.rollback",
            resource: { type: "policy", id: String(after.version) },
            reason,
            before: { version: before.version },
            after: { version: after.version, restores }
          })
          return yield* policies.newest
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die),
        // this process need not wait to hear of its own change
        Effect.tap(() => Effect.orDie(policies.reload))
      )

      /** Patterns are read before the lock is taken: it is not for a large document to hold others up. */
      const put = (id: PolicyChangeId, change: PolicyChange, restores: number | null, author: PolicyAuthor) =>
        Effect.flatMap(ready(change.version + 1, change.document), (after) =>
          commit(id, change, { restores, author }, after)
        )

      /** Where somebody administers now, somebody does afterwards. */
      const assertAdministrable = Effect.fnUntraced(function* (before: CompiledPolicy, after: CompiledPolicy) {
        const isServed = yield* users
          .assertOtherAdministrator(null, (roles) => administers(before, roles))
          .pipe(
            Effect.as(true),
            Effect.catchTag("LastAdministrator", () => Effect.succeed(false))
          )
        if (isServed) yield* users.assertOtherAdministrator(null, (roles) => administers(after, roles))
      })

      const apply = Effect.fn("PolicyAdministration.apply")(
        (id: PolicyChangeId, change: PolicyChange, author: PolicyAuthor) => put(id, change, null, author)
      )

      const rollback = Effect.fn("PolicyAdministration.rollback")(function* (
        id: PolicyChangeId,
        { reason, to, version }: PolicyRollback,
        author: PolicyAuthor
      ) {
        const { document } = yield* find(to)
        return yield* put(id, { version, document, reason }, to, author)
      })

      const diff = Effect.fn("PolicyAdministration.diff")(function* (document: PolicyDocument) {
        const before = policies.current()
        return judge.diffOf(before, yield* ready(before.version + 1, document))
      })

      const explain = Effect.fn("PolicyAdministration.explain")(function* (question: PolicyQuestion) {
        const { merchantId, permission, userId } = question
        const user = yield* Effect.orDie(users.findById(userId))
        if (Option.isNone(user) || user.value.deletedAt !== null) return yield* new UserNotFound({ userId })
        const explained = judge.explain(policies.current(), user.value, {
          permission,
          merchantId,
          shopOfHolder: user.value.merchantId
        })
        return user.value.bannedAt === null || permission === "public"
          ? explained
          : { ...explained, allowed: false, because: "The account is banned" }
      })

      const whoCan: PolicyAdministration["Service"]["whoCan"] = Effect.fn("PolicyAdministration.whoCan")(function* ({
        after,
        limit = defaultLimit,
        merchantId,
        permission
      }) {
        const before = after === undefined ? undefined : yield* cursor.decode(after)
        const roles = [...policies.current().roles.values()]
        const allowing = roles.filter(({ allows }) => allows.has(permission)).map(({ role }) => role.name)
        const denying = roles.filter(({ denies }) => denies.has(permission)).map(({ role }) => role.name)
        const isOfShop = merchantId !== undefined && shopPermissions.has(permission)
        const within = isOfShop ? { merchantId, allowing } : undefined
        const rows = yield* Effect.orDie(users.listHolders({ allowing, denying, within }, { before, limit: limit + 1 }))
        return toPage(rows.map(toHolder), limit, ({ userId }) => cursor.encode(userId))
      })

      return PolicyAdministration.of({
        current: Effect.orDie(policies.newest),
        find,
        versions: policies.versions,
        diff,
        apply,
        rollback,
        explain,
        whoCan
      })
    })
  )
}

const toHolder = ({ email, id, merchantId, roles, shopRoles }: StoredUser): RoleHolder => ({
  userId: id,
  email,
  roles,
  shopRoles,
  merchantId
})
