import { AccountCode, AccountId, chart, parseAccountCode, Side } from "@mall/domain/ledger/Account"
import { Leg, TransferId, TransferType } from "@mall/domain/ledger/Transfer"
import type { NewTransfer } from "@mall/domain/ledger/Transfer"
import { generator } from "@mall/domain/kernel/Id"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { keyOf, placeOf } from "./decide.ts"
import type { Books } from "./decide.ts"
import { endingOf } from "./Draft.ts"
import type { Ending, EntryDraft, PendingState, ShardState, TransferDraft } from "./Draft.ts"

/** Rows over which the postings to a busy account spread, so that transactions seldom wait for each other. */
const busyShards = 8

const newAccountId = generator(AccountId)
const Codes = Schema.Array(AccountCode)
const Ids = Schema.Array(TransferId)

const ShardRow = Schema.Struct({
  account: AccountCode,
  isFirst: Schema.Boolean,
  accountId: AccountId,
  shard: Schema.Int,
  normalSide: Side,
  isGuarded: Schema.Boolean,
  isClosed: Schema.Boolean,
  isFrozen: Schema.Boolean,
  debitsPending: Schema.Int,
  debitsPosted: Schema.Int,
  creditsPending: Schema.Int,
  creditsPosted: Schema.Int,
  version: Schema.Int,
  lastAt: Schema.NullOr(Schema.Date)
})

const KnownRow = Schema.Struct({
  id: TransferId,
  type: TransferType,
  pendingId: Schema.NullOr(TransferId),
  hash: Schema.String
})

const HeldRow = Schema.Struct({ id: TransferId, expiresAt: Schema.NullOr(Schema.Date), legs: Schema.Array(Leg) })

const Wanted = Schema.Struct({ codes: Codes, isFirst: Schema.Array(Schema.Boolean) })
const Asked = Schema.Struct({ ids: Ids, pendingIds: Ids })
const dueRequest = Schema.Struct({ now: Schema.Date, limit: Schema.Int })

/** The books under lock, and the earliest time that what is posted now may carry: time never goes back in an account. */
interface LockedBooks {
  readonly books: Books
  readonly notBefore: Date | null
}

const named = <A extends { readonly id: TransferId }>(rows: ReadonlyArray<A>) =>
  new Map(rows.map((row) => [row.id, row]))

const legsOf = (transfer: NewTransfer, held: ReadonlyMap<TransferId, ReadonlyArray<Leg>>) =>
  "pendingId" in transfer ? (held.get(transfer.pendingId) ?? []) : transfer.legs

/** The tables that postings read and write. Everything here needs a transaction. */
export class LedgerRepo extends Context.Service<
  LedgerRepo,
  {
    /**
     * Opens the accounts that are new, waits for the locks of all that the transfers touch, in one order, and reads the books
     * after that.
     */
    lock(transfers: ReadonlyArray<NewTransfer>, now: Date): Effect.Effect<LockedBooks, SqlError>
    /** Writes transfers, entries and balances in one statement. */
    write(
      transfers: ReadonlyArray<TransferDraft>,
      entries: ReadonlyArray<EntryDraft>,
      at: Date
    ): Effect.Effect<void, SqlError>
    /** Pending transfers past their time, which nobody else is ending now. */
    claimExpired(now: Date, limit: number): Effect.Effect<ReadonlyArray<TransferId>, SqlError>
  }
>()("@mall/ledger/LedgerRepo") {
  static readonly layer = Layer.effect(
    LedgerRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      // accounts of committed transactions only: those never go away
      const known = new Set<AccountCode>()

      const selectKnownCodes = SqlSchema.findAll({
        Request: Codes,
        Result: Schema.Struct({ code: AccountCode }),
        execute: (codes) => sql`SELECT code FROM ledger.accounts WHERE code = ANY(${codes}::text[])`
      })

      const openAccounts = Effect.fnUntraced(function* (codes: ReadonlyArray<AccountCode>, now: Date) {
        const unknown = codes.filter((code) => !known.has(code))
        if (unknown.length === 0) return
        for (const { code } of yield* selectKnownCodes(unknown)) known.add(code)
        const rows: Array<object> = []
        for (const code of unknown.toSorted()) {
          if (known.has(code)) continue
          const { currency, kind, owner } = parseAccountCode(code)
          const { isGuarded, normalSide } = chart[kind]
          rows.push({
            ...{ id: yield* newAccountId, code, merchant_id: owner, kind, currency, normal_side: normalSide },
            ...{ is_guarded: isGuarded, shards: isGuarded ? 1 : busyShards }
          })
        }
        if (rows.length === 0) return
        yield* sql`
          WITH opened AS (
            INSERT INTO ledger.accounts (id, code, merchant_id, kind, currency, normal_side, is_guarded, shards, created_at)
            SELECT id, code, merchant_id, kind, currency, normal_side, is_guarded, shards, ${now}::timestamptz
            FROM json_to_recordset(${JSON.stringify(rows)}::json) AS new (
              id uuid, code text, merchant_id uuid, kind text, currency text, normal_side text, is_guarded boolean, shards int)
            ORDER BY code
            ON CONFLICT (code) DO NOTHING
            RETURNING id, is_guarded, normal_side, shards
          )
          INSERT INTO ledger.balances (account_id, shard, is_guarded, normal_side)
          SELECT opened.id, shard, opened.is_guarded, opened.normal_side
          FROM opened, generate_series(0, opened.shards - 1) AS shard`
      })

      // Each connection has a shard of its own, so that concurrent transactions meet on the same row only by chance.
      const lockShards = SqlSchema.findAll({
        Request: Wanted,
        Result: ShardRow,
        execute: ({ codes, isFirst }) => sql`
          SELECT a.code AS account, w.is_first, b.account_id, b.shard, b.normal_side, b.is_guarded, b.is_closed,
            b.is_frozen OR a.frozen_at IS NOT NULL AS is_frozen,
            b.debits_pending, b.debits_posted, b.credits_pending, b.credits_posted, b.version, b.last_at
          FROM unnest(${codes}::text[], ${isFirst}::boolean[]) AS w (code, is_first)
          JOIN ledger.accounts AS a ON a.code = w.code
          JOIN ledger.balances AS b
            ON b.account_id = a.id AND b.shard = CASE WHEN w.is_first THEN 0 ELSE mod(pg_backend_pid(), a.shards) END
          ORDER BY b.account_id, b.shard
          FOR UPDATE OF b`
      })

      const selectKnown = SqlSchema.findAll({
        Request: Asked,
        Result: KnownRow,
        execute: ({ ids, pendingIds }) => sql`
          SELECT id, type, pending_id, encode(input_hash, 'hex') AS hash FROM ledger.transfers
          WHERE id = ANY(${ids}::uuid[]) OR pending_id = ANY(${pendingIds}::uuid[])`
      })

      const selectHeld = SqlSchema.findAll({
        Request: Ids,
        Result: HeldRow,
        execute: (ids) => sql`
          SELECT t.id, t.expires_at, json_agg(json_build_object(
            'account', a.code,
            'side', CASE WHEN e.debits_pending > 0 THEN 'debit' ELSE 'credit' END,
            'amount', e.debits_pending + e.credits_pending)) AS legs
          FROM ledger.transfers AS t
          JOIN ledger.entries AS e ON e.transfer_id = t.id
          JOIN ledger.accounts AS a ON a.id = e.account_id
          WHERE t.id = ANY(${ids}::uuid[]) AND t.type = 'pending'
          GROUP BY t.id`
      })

      const lock = Effect.fnUntraced(
        function* (
          transfers: ReadonlyArray<NewTransfer>,
          now: Date
        ): Effect.fn.Return<LockedBooks, SqlError | Schema.SchemaError> {
          const pendingIds = transfers.flatMap((transfer) => ("pendingId" in transfer ? [transfer.pendingId] : []))
          const held = named(pendingIds.length === 0 ? [] : yield* selectHeld(pendingIds))
          const legs = new Map<TransferId, ReadonlyArray<Leg>>(Array.from(held, ([id, row]) => [id, row.legs]))
          for (const transfer of transfers) if (transfer.type === "pending") legs.set(transfer.id, transfer.legs)

          const wanted = new Map<string, { readonly code: AccountCode; readonly isFirst: boolean }>()
          for (const transfer of transfers) {
            for (const { account } of legsOf(transfer, legs)) {
              wanted.set(placeOf(transfer.type, account), { code: account, isFirst: transfer.type !== "single" })
            }
          }
          const places = [...wanted.values()]
          yield* openAccounts([...new Set(places.map(({ code }) => code))], now)
          const rows = yield* lockShards({
            codes: places.map(({ code }) => code),
            isFirst: places.map(({ isFirst }) => isFirst)
          })

          // only now, with the locks: a statement sees what was committed before it began
          const known = yield* selectKnown({ ids: transfers.map(({ id }) => id), pendingIds })
          const outcomes = new Map(
            known.flatMap(({ pendingId, type }): ReadonlyArray<readonly [TransferId, Ending]> =>
              pendingId !== null && (type === "post" || type === "void" || type === "expire")
                ? [[pendingId, endingOf[type]]]
                : []
            )
          )
          const books: Books = {
            places: new Map(rows.map((row) => [placeOf(row.isFirst ? "pending" : "single", row.account), keyOf(row)])),
            shards: new Map(rows.map((row): [string, ShardState] => [keyOf(row), row])),
            hashes: new Map(known.map(({ hash, id }) => [id, hash])),
            pending: new Map(
              Array.from(held, ([id, { expiresAt, legs }]): [TransferId, PendingState] => [
                id,
                { legs, expiresAt, outcome: outcomes.get(id) ?? null }
              ])
            )
          }
          const latest = Math.max(...rows.map(({ lastAt }) => lastAt?.getTime() ?? -Infinity))
          return { books, notBefore: Number.isFinite(latest) ? new Date(latest) : null }
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      const write = Effect.fnUntraced(function* (
        transfers: ReadonlyArray<TransferDraft>,
        entries: ReadonlyArray<EntryDraft>,
        at: Date
      ) {
        const last = new Map(entries.map((entry) => [keyOf(entry), entry]))
        const ended = transfers.flatMap(({ pendingId }) => pendingId ?? [])
        yield* sql`
          WITH new_transfers AS MATERIALIZED (
            SELECT * FROM json_to_recordset(${JSON.stringify(transfers)}::json) AS t (
              id uuid, type text, "pendingId" uuid, purpose text, subject text, "linkedTo" uuid, "expiresAt" timestamptz,
              "inputHash" text, actor text, reason text, "traceId" text)
          ), inserted_transfers AS (
            INSERT INTO ledger.transfers
              (id, type, pending_id, purpose, subject, linked_to, expires_at, input_hash, actor, reason, trace_id, at)
            SELECT id, type, "pendingId", purpose, subject, "linkedTo", "expiresAt", decode("inputHash", 'hex'), actor, reason,
              "traceId", ${at}::timestamptz
            FROM new_transfers
          ), inserted_entries AS (
            INSERT INTO ledger.entries (transfer_id, account_id, shard, version, debits_pending, debits_posted,
              credits_pending, credits_posted, debits_pending_after, debits_posted_after, credits_pending_after,
              credits_posted_after, at)
            SELECT "transferId", "accountId", shard, version, "debitsPending", "debitsPosted", "creditsPending",
              "creditsPosted", (after->>'debitsPending')::bigint, (after->>'debitsPosted')::bigint,
              (after->>'creditsPending')::bigint, (after->>'creditsPosted')::bigint, ${at}::timestamptz
            FROM json_to_recordset(${JSON.stringify(entries)}::json) AS e (
              "transferId" uuid, "accountId" uuid, shard int, version bigint, "debitsPending" bigint, "debitsPosted" bigint,
              "creditsPending" bigint, "creditsPosted" bigint, after json)
            ORDER BY "accountId", shard, version
          ), moved_balances AS (
            UPDATE ledger.balances AS b SET debits_pending = (n.after->>'debitsPending')::bigint,
              debits_posted = (n.after->>'debitsPosted')::bigint, credits_pending = (n.after->>'creditsPending')::bigint,
              credits_posted = (n.after->>'creditsPosted')::bigint, version = n.version, last_at = ${at}
            FROM json_to_recordset(${JSON.stringify([...last.values()])}::json) AS n (
              "accountId" uuid, shard int, version bigint, after json)
            WHERE b.account_id = n."accountId" AND b.shard = n.shard
          ), new_expiries AS (
            INSERT INTO ledger.expiries (transfer_id, expires_at)
            SELECT id, "expiresAt" FROM new_transfers
            WHERE type = 'pending' AND "expiresAt" IS NOT NULL AND id <> ALL (${ended}::uuid[])
          ), ended_expiries AS (
            DELETE FROM ledger.expiries WHERE transfer_id = ANY (${ended}::uuid[])
          )
          INSERT INTO ledger.unsealed (transfer_id, at) SELECT id, ${at}::timestamptz FROM new_transfers`
      })

      const selectExpired = SqlSchema.findAll({
        Request: dueRequest,
        Result: Schema.Struct({ transferId: TransferId }),
        execute: ({ limit, now }) => sql`
          SELECT transfer_id FROM ledger.expiries WHERE expires_at <= ${now}
          ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`
      })

      return LedgerRepo.of({
        lock,
        write,
        claimExpired: Effect.fnUntraced(
          function* (now, limit) {
            return (yield* selectExpired({ now, limit })).map(({ transferId }) => transferId)
          },
          Effect.catchTag("SchemaError", Effect.die)
        )
      })
    })
  )
}
