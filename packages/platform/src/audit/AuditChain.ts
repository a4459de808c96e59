import { AuditEntryId } from "@mall/domain/operations/Audit"
import type { AuditBreak, AuditHead, AuditVerification } from "@mall/domain/operations/Audit"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { EntryRow, entryOf, LinkRow } from "./auditRows.ts"
import { genesis, linkOf } from "./chain.ts"

/** Chosen once and for ever: whoever adds to the chain takes this advisory lock. */
const lockKey = 7_301_120_263

/** Links that verifying holds in memory at once. */
const pageSize = 500

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

/**
 * The chain over the audit trail: each link is a hash over an entry and the link before it, so that nothing between two
 * heads can be changed, taken out or put in unseen. Entries are chained by a sweep some seconds after they are committed,
 * so that what staff do waits for no one else's commit.
 */
export class AuditChain extends Context.Service<
  AuditChain,
  {
    /** Gives up to `limit` entries their place, oldest first; answers with how many. One process at a time. */
    seal(limit: number): Effect.Effect<number, SqlError>
    /** When the entry was written that has waited longest for its place. */
    readonly oldestUnsealed: Effect.Effect<Option.Option<DateTime.Utc>, SqlError>
    /** None before the first link. */
    readonly head: Effect.Effect<Option.Option<AuditHead>>
    /**
     * Walks the chain from `from` on (1 unless told), trusting the link before that, to the first that is wrong. `head` is
     * compared where it comes by. Entries outside of the chain are looked at last. Holds a page of links at a time.
     */
    verify(options: { readonly from?: number; readonly head?: AuditHead }): Effect.Effect<AuditVerification>
  }
>()("@mall/platform/audit/AuditChain") {
  /** Needs `SqlClient`. */
  static readonly layer = Layer.effect(
    AuditChain,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const Link = Schema.Struct({ position: Schema.Int, hash: Schema.Uint8Array })
      const selectLast = SqlSchema.findOneOption({
        Request: Schema.NullOr(Schema.Int),
        Result: Link,
        execute: (upTo) => sql`
          SELECT position, hash FROM platform.audit_chain
          WHERE ${upTo}::bigint IS NULL OR position = ${upTo}::bigint
          ORDER BY position DESC LIMIT 1`
      })
      const last = (upTo: number | null) => Effect.catchTag(selectLast(upTo), "SchemaError", Effect.die)

      const selectUnsealed = SqlSchema.findAll({
        Request: Schema.Int,
        Result: EntryRow,
        execute: (limit) => sql`
          SELECT e.* FROM platform.audit_unsealed AS u JOIN platform.audit_entries AS e ON e.id = u.entry_id
          ORDER BY e.id LIMIT ${limit}`
      })
      const selectOldest = SqlSchema.findOne({
        Request: Schema.Void,
        Result: Schema.Struct({ at: Schema.NullOr(Schema.DateTimeUtcFromDate) }),
        execute: () => sql`
          SELECT min(e.at) AS at FROM platform.audit_unsealed AS u JOIN platform.audit_entries AS e ON e.id = u.entry_id`
      })

      const seal = Effect.fn("AuditChain.seal")(
        function* (limit: number) {
          yield* sql`SELECT pg_advisory_xact_lock(${lockKey}::bigint)`
          const entries = (yield* selectUnsealed(limit)).map(entryOf)
          if (entries.length === 0) return 0
          const end = yield* last(null)
          let position = Option.match(end, { onNone: () => 0, onSome: (link) => link.position })
          let hash = Option.match(end, { onNone: () => genesis, onSome: (link) => link.hash })
          const hashes = entries.map((entry) => {
            position += 1
            hash = linkOf(hash, position, entry)
            return hexOf(hash)
          })
          const ids = entries.map(({ id }) => id)
          yield* sql`
            INSERT INTO platform.audit_chain (position, entry_id, hash, sealed_at)
            SELECT ${position - entries.length}::bigint + n, entry_id, decode(hash, 'hex'), ${yield* DateTime.nowAsDate}
            FROM unnest(${ids}::uuid[], ${hashes}::text[]) WITH ORDINALITY AS t(entry_id, hash, n)`
          yield* sql`DELETE FROM platform.audit_unsealed WHERE entry_id = ANY (${ids}::uuid[])`
          return entries.length
        },
        sql.withTransaction,
        Effect.catchTag("SchemaError", Effect.die)
      )

      const selectLinks = SqlSchema.findAll({
        Request: Schema.Struct({ after: Schema.Int, limit: Schema.Int }),
        Result: LinkRow,
        execute: ({ after, limit }) => sql`
          SELECT c.position, c.entry_id, c.hash FROM platform.audit_chain AS c
          WHERE c.position > ${after} ORDER BY c.position LIMIT ${limit}`
      })
      const selectEntries = SqlSchema.findAll({
        Request: Schema.Array(AuditEntryId),
        Result: Schema.Unknown,
        execute: (ids) => sql`SELECT e.* FROM platform.audit_entries AS e WHERE e.id = ANY (${ids}::uuid[])`
      })
      const Identified = Schema.Struct({ id: AuditEntryId })
      const identify = Schema.decodeUnknownEffect(Identified)
      const decodeEntry = Schema.decodeUnknownOption(EntryRow)

      /** What the entries of these links say now; an entry that says what no entry can say is altered. */
      const readEntries = Effect.fnUntraced(function* (ids: ReadonlyArray<AuditEntryId>) {
        const found = new Map<AuditEntryId, Option.Option<typeof EntryRow.Type>>()
        for (const row of yield* selectEntries(ids)) found.set((yield* identify(row)).id, decodeEntry(row))
        return found
      })

      const outside = SqlSchema.findOne({
        Request: Schema.Void,
        Result: Schema.Struct({
          unsealed: Schema.Int,
          erased: Schema.NullOr(AuditEntryId),
          foreign: Schema.NullOr(AuditEntryId)
        }),
        execute: () => sql`
          SELECT
            (SELECT count(*) FROM platform.audit_unsealed) AS unsealed,
            (SELECT u.entry_id FROM platform.audit_unsealed AS u
              LEFT JOIN platform.audit_entries AS e ON e.id = u.entry_id
              WHERE e.id IS NULL ORDER BY u.entry_id LIMIT 1) AS erased,
            (SELECT e.id FROM platform.audit_entries AS e
              LEFT JOIN platform.audit_chain AS c ON c.entry_id = e.id
              LEFT JOIN platform.audit_unsealed AS u ON u.entry_id = e.id
              WHERE c.entry_id IS NULL AND u.entry_id IS NULL ORDER BY e.id LIMIT 1) AS "foreign"`
      })

      const wrong = (what: AuditBreak["what"], position: number | null, entryId: AuditEntryId | null): AuditBreak => ({
        what,
        position,
        entryId
      })

      const verify = Effect.fn("AuditChain.verify")(
        function* ({ from = 1, head }: { readonly from?: number; readonly head?: AuditHead }) {
          let position = from - 1
          let hash = genesis
          let checked = 0
          const state = () => ({ checked, head: checked === 0 ? null : { position, hash: hexOf(hash) } })
          const broken = (what: AuditBreak) => ({ ...state(), unsealed: 0, broken: what })
          const isOther = () => head !== undefined && head.position === position && head.hash !== hexOf(hash)

          if (position > 0) {
            const before = yield* last(position)
            if (Option.isNone(before)) return broken(wrong("missing", position, null))
            hash = before.value.hash
          }
          for (;;) {
            const links = yield* selectLinks({ after: position, limit: pageSize })
            const entries = yield* readEntries(links.map(({ entryId }) => entryId))
            for (const link of links) {
              if (link.position !== position + 1) return broken(wrong("missing", position + 1, null))
              const entry = entries.get(link.entryId)
              if (entry === undefined) return broken(wrong("erased", link.position, link.entryId))
              const expected = Option.map(entry, (row) => hexOf(linkOf(hash, link.position, entryOf(row))))
              if (Option.getOrNull(expected) !== hexOf(link.hash)) {
                return broken(wrong("altered", link.position, link.entryId))
              }
              position = link.position
              hash = link.hash
              checked += 1
              if (isOther()) return broken(wrong("head", position, link.entryId))
            }
            if (links.length < pageSize) break
          }
          // what was there once is not any more
          if (head !== undefined && head.position > position) return broken(wrong("missing", position + 1, null))
          const { erased, foreign, unsealed } = yield* outside()
          const loose =
            erased !== null ? wrong("erased", null, erased) : foreign !== null ? wrong("foreign", null, foreign) : null
          return { ...state(), unsealed, broken: loose }
        },
        Effect.catchTag(["SqlError", "SchemaError", "NoSuchElementError"], Effect.die)
      )

      const head = last(null).pipe(
        Effect.map(Option.map(({ hash, position }): AuditHead => ({ position, hash: hexOf(hash) }))),
        Effect.catchTag("SqlError", Effect.die),
        Effect.withSpan("AuditChain.head")
      )

      return AuditChain.of({
        seal,
        oldestUnsealed: selectOldest().pipe(
          Effect.map(({ at }) => Option.fromNullOr(at)),
          Effect.catchTag(["SchemaError", "NoSuchElementError"], Effect.die)
        ),
        head,
        verify
      })
    })
  )
}
