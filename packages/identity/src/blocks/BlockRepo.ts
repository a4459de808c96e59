import { Block, BlockId } from "@mall/domain/identity/Block"
import type { BlockKind } from "@mall/domain/identity/Block"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Context, Effect, Layer, Schema } from "effect"
import type { Option } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { deviceDigests } from "../tokens/sessionTraces.ts"

interface Ending {
  readonly id: BlockId
  readonly now: Date
  readonly author: string
  readonly reason: string
  readonly traceId: string | null
}

/** The statements on `identity.blocks`. They join the transaction they run in. */
export class BlockRepo extends Context.Service<
  BlockRepo,
  {
    insert(block: Block): Effect.Effect<void, SqlError>
    find(id: BlockId): Effect.Effect<Option.Option<Block>, SqlError>
    /** The one that was not removed, also where it has expired. */
    findBySubject(kind: BlockKind, subject: string): Effect.Effect<Option.Option<Block>, SqlError>
    /** None where there is no such block in force. */
    end(ending: Ending): Effect.Effect<Option.Option<Block>, SqlError>
    /** All that are in force at `now`. */
    inForce(now: Date): Effect.Effect<ReadonlyArray<Block>, SqlError>
    /** Newest first; those in force at `activeAt`, or all. */
    list(query: {
      readonly kind: BlockKind | undefined
      readonly activeAt: Date | undefined
      readonly before: BlockId | undefined
      readonly limit: number
    }): Effect.Effect<ReadonlyArray<Block>, SqlError>
    /** Ends the open sessions of a device. */
    endSessions(deviceId: string, now: Date): Effect.Effect<void, SqlError>
    /** Who adds a block does so alone until the transaction ends. */
    readonly lock: Effect.Effect<void, SqlError>
  }
>()("@mall/identity/blocks/BlockRepo") {
  static readonly layer = Layer.effect(
    BlockRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const digestsOf = deviceDigests(yield* PersonalDataKeys)

      const select = SqlSchema.findOneOption({
        Request: BlockId,
        Result: Block,
        execute: (id) => sql`SELECT * FROM identity.blocks WHERE id = ${id}`
      })
      const selectBySubject = SqlSchema.findOneOption({
        Request: Schema.Struct({ kind: Schema.String, subject: Schema.String }),
        Result: Block,
        execute: ({ kind, subject }) => sql`
          SELECT * FROM identity.blocks WHERE kind = ${kind} AND subject = ${subject} AND removed_at IS NULL
        `
      })
      const updateEnd = SqlSchema.findOneOption({
        Request: Schema.Struct({
          id: BlockId,
          now: Schema.Date,
          author: Schema.String,
          reason: Schema.String,
          traceId: Schema.NullOr(Schema.String)
        }),
        Result: Block,
        execute: ({ author, id, now, reason, traceId }) => sql`
          UPDATE identity.blocks
          SET removed_at = ${now}, removed_by = ${author}, removal_reason = ${reason}, removal_trace_id = ${traceId}
          WHERE id = ${id} AND removed_at IS NULL RETURNING *
        `
      })
      const selectList = SqlSchema.findAll({
        Request: Schema.Struct({
          kind: Schema.UndefinedOr(Schema.String),
          activeAt: Schema.UndefinedOr(Schema.Date),
          before: Schema.UndefinedOr(BlockId),
          limit: Schema.UndefinedOr(Schema.Int)
        }),
        Result: Block,
        execute: ({ activeAt, before, kind, limit }) => sql`
          SELECT b.* FROM identity.blocks b
          WHERE ${sql.and([
            sql`TRUE`,
            ...(kind === undefined ? [] : [sql`b.kind = ${kind}`]),
            ...(activeAt === undefined
              ? []
              : [sql`b.removed_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > ${activeAt})`]),
            ...(before === undefined ? [] : [sql`b.id < ${before}::uuid`])
          ])}
          ORDER BY b.id DESC ${limit === undefined ? sql`` : sql`LIMIT ${limit}`}
        `
      })

      return BlockRepo.of({
        insert: Effect.fn("BlockRepo.insert")((block: Block) =>
          Effect.asVoid(sql`INSERT INTO identity.blocks ${sql.insert({ ...block })}`)
        ),
        find: Effect.fn("BlockRepo.find")(select, Effect.catchTag("SchemaError", Effect.die)),
        findBySubject: Effect.fn("BlockRepo.findBySubject")(
          (kind: BlockKind, subject: string) => selectBySubject({ kind, subject }),
          Effect.catchTag("SchemaError", Effect.die)
        ),
        end: Effect.fn("BlockRepo.end")(updateEnd, Effect.catchTag("SchemaError", Effect.die)),
        inForce: Effect.fn("BlockRepo.inForce")(
          (now: Date) => selectList({ kind: undefined, activeAt: now, before: undefined, limit: undefined }),
          Effect.catchTag("SchemaError", Effect.die)
        ),
        list: Effect.fn("BlockRepo.list")(selectList, Effect.catchTag("SchemaError", Effect.die)),
        endSessions: Effect.fn("BlockRepo.endSessions")((deviceId: string, now: Date) =>
          Effect.asVoid(sql`
            UPDATE identity.sessions SET revoked_at = ${now}
            WHERE (device_digest = ANY (${digestsOf(deviceId)}::bytea[]) OR device_id = ${deviceId})
              AND revoked_at IS NULL`)
        ),
        lock: Effect.asVoid(sql`SELECT pg_advisory_xact_lock(hashtext('identity.blocks'))`)
      })
    })
  ).pipe(Layer.provide(PersonalDataKeys.layer))
}
