import type { Role } from "@mall/domain/identity/Permission"
import { PolicyChangeId, PolicyDocument, PolicyVersion } from "@mall/domain/identity/Policy"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { CompiledPolicy } from "./CompiledPolicy.ts"
import { compilePolicy } from "./compilePolicy.ts"

const builtIn: PolicyVersion = {
  version: 0,
  document: { roles: [] },
  author: "",
  reason: "built in",
  restores: null,
  traceId: null,
  createdAt: null
}

const cursor = cursorOf(Schema.Int)

/** A row of `identity.policy_versions`. */
const NewVersion = Schema.Struct({
  id: PolicyChangeId,
  version: Schema.Int,
  document: Schema.fromJsonString(PolicyDocument),
  author: Schema.String,
  reason: Schema.String,
  restores: Schema.NullOr(Schema.Int),
  traceId: Schema.NullOr(Schema.String),
  createdAt: Schema.Date
})

/**
 * The policy in force, in memory, and the versions of it. `IdentityListener` has it read anew when another process changed
 * it. A process does not start without it.
 */
export class Policies extends Context.Service<
  Policies,
  {
    /** Without I/O: it is asked at every request. The same object as long as nothing changed. */
    current(): CompiledPolicy
    /** Brings `current` to what is committed. */
    readonly reload: Effect.Effect<void, SqlError>
    readonly newest: Effect.Effect<PolicyVersion, SqlError>
    find(version: number): Effect.Effect<Option.Option<PolicyVersion>, SqlError>
    /** The version that this change made. */
    findChange(id: PolicyChangeId): Effect.Effect<Option.Option<PolicyVersion>, SqlError>
    /** Newest first. */
    versions(page: {
      readonly limit?: number
      readonly after?: string
    }): Effect.Effect<Page<PolicyVersion>, InvalidCursor>
    insert(row: typeof NewVersion.Type): Effect.Effect<void, SqlError>
    /**
     * Who changes the policy or somebody's roles does so alone until the transaction ends: what they hold and what it opens
     * is judged by what counts. Taken before any other lock.
     */
    readonly lock: Effect.Effect<void, SqlError>
  }
>()("@mall/identity/policy/Policies") {
  static readonly layer = Layer.effect(
    Policies,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const select = SqlSchema.findAll({
        Request: Schema.Struct({ below: Schema.NullOr(Schema.Int), limit: Schema.Int }),
        Result: PolicyVersion,
        execute: ({ below, limit }) => sql`
          SELECT v.* FROM identity.policy_versions v
          WHERE ${below === null ? sql`TRUE` : sql`v.version < ${below}`} ORDER BY v.version DESC LIMIT ${limit}
        `
      })
      const selectVersion = SqlSchema.findOneOption({
        Request: Schema.Int,
        Result: PolicyVersion,
        execute: (version) => sql`SELECT * FROM identity.policy_versions WHERE version = ${version}`
      })
      const selectChange = SqlSchema.findOneOption({
        Request: PolicyChangeId,
        Result: PolicyVersion,
        execute: (id) => sql`SELECT * FROM identity.policy_versions WHERE id = ${id}`
      })
      const insert = SqlSchema.void({
        Request: NewVersion,
        execute: ({ document, ...row }) => sql`
          INSERT INTO identity.policy_versions (id, version, document, author, reason, restores, trace_id, created_at)
          VALUES (${row.id}, ${row.version}, ${document}::jsonb, ${row.author}, ${row.reason}, ${row.restores},
            ${row.traceId}, ${row.createdAt})
        `
      })

      const newest = select({ below: null, limit: 1 }).pipe(
        Effect.map(([first]) => first ?? builtIn),
        Effect.catchTag("SchemaError", Effect.die)
      )

      // what is stored was compiled before it was stored
      const read = Effect.flatMap(newest, ({ document, version }) => Effect.orDie(compilePolicy(version, document)))
      const selectNewer = SqlSchema.findAll({
        Request: Schema.Int,
        Result: Schema.Struct({ version: Schema.Int }),
        execute: (version) => sql`
          SELECT v.version FROM identity.policy_versions v WHERE v.version > ${version} ORDER BY v.version LIMIT 1
        `
      })

      let current = yield* read
      const reload = Effect.gen(function* () {
        const newer = yield* selectNewer(current.version)
        if (newer.length === 0) return
        const policy = yield* read
        if (policy.version > current.version) current = policy
      }).pipe(Effect.catchTag("SchemaError", Effect.die))

      const find = Effect.fn("Policies.find")(
        (version: number) => (version === 0 ? Effect.succeedSome(builtIn) : selectVersion(version)),
        Effect.catchTag("SchemaError", Effect.die)
      )

      const versions: Policies["Service"]["versions"] = Effect.fn("Policies.versions")(function* (page) {
        const limit = page.limit ?? defaultLimit
        const below = page.after === undefined ? null : yield* cursor.decode(page.after)
        const rows = yield* Effect.orDie(select({ below, limit: limit + 1 }))
        return toPage(rows, limit, ({ version }) => cursor.encode(version))
      })

      return Policies.of({
        current: () => current,
        reload,
        newest,
        find,
        findChange: Effect.fn("Policies.findChange")(selectChange, Effect.catchTag("SchemaError", Effect.die)),
        versions,
        insert: Effect.fn("Policies.insert")(insert, Effect.catchTag("SchemaError", Effect.die)),
        lock: Effect.asVoid(sql`SELECT pg_advisory_xact_lock(hashtext('identity.policy'))`)
      })
    })
  ).pipe(Layer.orDie)
}

/** Whether who has these roles can administer users and the policy: of such there is always one. */
export const administers = (policy: CompiledPolicy, roles: ReadonlyArray<Role>) => {
  const { mall } = policy.authorityOf({ roles, shopRoles: [] })
  return mall.has("users:administer") && mall.has("policy:administer")
}
