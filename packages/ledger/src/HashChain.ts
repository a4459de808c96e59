import { LedgerReport } from "@mall/domain/ledger/Account"
import { TransferId } from "@mall/domain/ledger/Transfer"
import { leastUuid7 } from "@mall/domain/kernel/Id"
import { planForLists } from "@mall/platform/planning"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { createHash } from "node:crypto"

const Head = Schema.Struct({ sequence: Schema.Int, hash: Schema.String })
const SealRow = Schema.Struct({
  sequence: Schema.Int,
  transferId: TransferId,
  hash: Schema.String,
  digest: Schema.NullOr(Schema.String),
  isBalanced: Schema.Boolean
})
const ShardRow = Schema.Struct({
  accountId: Schema.String,
  shard: Schema.Int,
  code: Schema.String,
  isSound: Schema.Boolean
})
const Missing = Schema.Struct({ id: TransferId })
const Place = Schema.Struct({ after: Schema.Int, limit: Schema.Int })
const ShardPlace = Schema.Struct({ accountId: Schema.String, shard: Schema.Int })

/** Rows that one question of the walk reads. */
const pageSize = 500

const firstHash = createHash("sha256").update("mall ledger").digest("hex")
const nextHash = (hash: string, digest: string) =>
  createHash("sha256").update(Buffer.from(hash, "hex")).update(Buffer.from(digest, "hex")).digest("hex")

/**
 * Each transfer that is committed gets a place in one chain, whose hash covers all before it: what is changed afterwards, past
 * all triggers, is found. Sealing comes after the commit, so that nobody who posts waits for it.
 */
export class HashChain extends Context.Service<
  HashChain,
  {
    /** Seals up to `limit` transfers; answers with how many. One process at a time. */
    seal(limit: number): Effect.Effect<number>
    /** Walks the whole chain and all balances, page by page, beside whoever posts. */
    readonly verify: Effect.Effect<LedgerReport>
    /** Walks the chain alone, and of that what was sealed since; null: all of it. The link before is trusted. */
    walk(since: Date | null): Effect.Effect<{ readonly sealed: number; readonly fault: string | null }>
  }
>()("@mall/ledger/HashChain") {
  static readonly layer = Layer.effect(
    HashChain,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const readHead = SqlSchema.findOne({
        Request: Schema.Void,
        Result: Head,
        execute: () => sql`SELECT sequence, encode(hash, 'hex') AS hash FROM ledger.chain_head`
      })

      const seal = Effect.fn("HashChain.seal")(
        function* (limit: number) {
          const now = yield* DateTime.nowAsDate
          // each link looks for the next among all that are due
          yield* planForLists(sql)
          yield* sql`SELECT FROM ledger.chain_head FOR UPDATE`
          const sealed = yield* sql`
            WITH RECURSIVE due AS MATERIALIZED (
              SELECT u.transfer_id, row_number() OVER (ORDER BY u.at, u.transfer_id) AS n, ledger.digest(u.transfer_id) AS digest
              FROM (SELECT transfer_id, at FROM ledger.unsealed ORDER BY at, transfer_id LIMIT ${limit}) AS u
            ), chain (n, transfer_id, hash) AS (
              SELECT 0::bigint, NULL::uuid, h.hash FROM ledger.chain_head AS h
              UNION ALL
              SELECT due.n, due.transfer_id, sha256(chain.hash || due.digest) FROM chain JOIN due ON due.n = chain.n + 1
            ), gone AS (
              DELETE FROM ledger.unsealed AS u USING due WHERE u.transfer_id = due.transfer_id
            ), moved AS (
              UPDATE ledger.chain_head AS h SET sequence = h.sequence + last.n, hash = last.hash
              FROM (SELECT chain.n, chain.hash FROM chain ORDER BY chain.n DESC LIMIT 1) AS last
              WHERE last.n > 0
            )
            INSERT INTO ledger.seals (sequence, transfer_id, hash, sealed_at)
            SELECT h.sequence + chain.n, chain.transfer_id, chain.hash, ${now}::timestamptz
            FROM chain, ledger.chain_head AS h WHERE chain.n > 0
            RETURNING sequence`
          return sealed.length
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const readSeals = SqlSchema.findAll({
        Request: Place,
        Result: SealRow,
        execute: ({ after, limit }) => sql`
          SELECT s.sequence, s.transfer_id, encode(s.hash, 'hex') AS hash, encode(ledger.digest(s.transfer_id), 'hex') AS digest,
            NOT EXISTS (
              SELECT FROM ledger.entries AS e JOIN ledger.accounts AS a ON a.id = e.account_id
              WHERE e.transfer_id = s.transfer_id GROUP BY a.currency
              HAVING sum(e.debits_posted) <> sum(e.credits_posted) OR sum(e.debits_pending) <> sum(e.credits_pending)
            ) AS is_balanced
          FROM ledger.seals AS s WHERE s.sequence > ${after} ORDER BY s.sequence LIMIT ${limit}`
      })

      const readUnknown = SqlSchema.findAll({
        Request: Schema.NullOr(Schema.Date),
        Result: Missing,
        // an id holds the time that it was made at
        execute: (since) => sql`
          SELECT t.id FROM ledger.transfers AS t
          WHERE ${since === null ? sql`true` : sql`t.id >= ${leastUuid7(since)}::uuid`} AND NOT EXISTS (SELECT FROM ledger.seals AS s WHERE s.transfer_id = t.id)
            AND NOT EXISTS (SELECT FROM ledger.unsealed AS u WHERE u.transfer_id = t.id)
          LIMIT 1`
      })

      const readShards = SqlSchema.findAll({
        Request: ShardPlace,
        Result: ShardRow,
        execute: ({ accountId, shard }) => sql`
          SELECT b.account_id, b.shard, a.code, (
            b.version = e.entries AND b.version = e.version AND b.debits_pending = e.debits_pending
            AND b.debits_posted = e.debits_posted AND b.credits_pending = e.credits_pending
            AND b.credits_posted = e.credits_posted) AS is_sound
          FROM ledger.balances AS b
          JOIN ledger.accounts AS a ON a.id = b.account_id
          CROSS JOIN LATERAL (
            SELECT count(*) AS entries, coalesce(max(e.version), 0) AS version,
              coalesce(sum(e.debits_pending), 0) AS debits_pending, coalesce(sum(e.debits_posted), 0) AS debits_posted,
              coalesce(sum(e.credits_pending), 0) AS credits_pending, coalesce(sum(e.credits_posted), 0) AS credits_posted
            FROM ledger.entries AS e WHERE e.account_id = b.account_id AND e.shard = b.shard
          ) AS e
          WHERE (b.account_id, b.shard) > (${accountId}::uuid, ${shard}::int)
          ORDER BY b.account_id, b.shard LIMIT 100`
      })

      const readBefore = SqlSchema.findOneOption({
        Request: Schema.Date,
        Result: Head,
        execute: (since) => sql`
          SELECT sequence, encode(hash, 'hex') AS hash FROM ledger.seals WHERE sealed_at < ${since}
          ORDER BY seals.sequence DESC LIMIT 1`
      })

      const faultOfSeal = (row: typeof SealRow.Type, place: { readonly sequence: number; readonly hash: string }) => {
        const at = `at ${row.sequence}, transfer ${row.transferId}`
        if (row.sequence !== place.sequence + 1) return `the chain has no link ${place.sequence + 1}`
        if (row.digest === null) return `${at}: the transfer is gone`
        if (nextHash(place.hash, row.digest) !== row.hash) return `${at}: what is kept is not what was sealed`
        return row.isBalanced ? undefined : `${at}: its entries do not sum to zero`
      }

      const verifyChain = Effect.fnUntraced(function* (since: Date | null) {
        // seals beyond this head are of after we began
        const head = yield* readHead(undefined)
        const before = since === null ? Option.none() : yield* readBefore(since)
        let place = Option.getOrElse(before, () => ({ sequence: 0, hash: firstHash }))
        while (place.sequence < head.sequence) {
          const rows = yield* readSeals({ after: place.sequence, limit: pageSize })
          if (rows.length === 0) return { ...place, fault: `the chain has no link ${place.sequence + 1}` }
          for (const row of rows) {
            if (place.sequence === head.sequence) break
            const fault = faultOfSeal(row, place)
            if (fault !== undefined) return { ...place, fault }
            place = { sequence: row.sequence, hash: row.hash }
          }
        }
        if (place.hash !== head.hash)
          return { ...place, fault: "the end of the chain is not the one that was sealed last" }
        const [unknown] = yield* readUnknown(since)
        return { ...place, fault: unknown === undefined ? undefined : `transfer ${unknown.id} is in no chain` }
      })

      const verifyBalances = Effect.gen(function* () {
        let count = 0
        let place = { accountId: "00000000-0000-0000-0000-000000000000", shard: -1 }
        while (true) {
          const rows = yield* readShards(place)
          const last = rows.at(-1)
          if (last === undefined) return { count, fault: undefined }
          count += rows.length
          const broken = rows.find(({ isSound }) => !isSound)
          if (broken !== undefined) {
            return {
              count,
              fault: `the balance of ${broken.code}, shard ${broken.shard}, is not the sum of its entries`
            }
          }
          place = last
        }
      })

      const verify = Effect.gen(function* () {
        const chain = yield* verifyChain(null)
        const balances = yield* verifyBalances
        return new LedgerReport({
          sealed: chain.sequence,
          head: chain.hash,
          shards: balances.count,
          fault: chain.fault ?? balances.fault ?? null
        })
      }).pipe(
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die, NoSuchElementError: Effect.die }),
        Effect.withSpan("HashChain.verify")
      )

      const walk = Effect.fn("HashChain.walk")(
        function* (since: Date | null) {
          const { fault, sequence } = yield* verifyChain(since)
          return { sealed: sequence, fault: fault ?? null }
        },
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die, NoSuchElementError: Effect.die })
      )

      return HashChain.of({ seal, verify, walk })
    })
  )
}
