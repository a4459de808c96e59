import { AccountCode } from "@mall/domain/ledger/Account"
import * as Checks from "@mall/platform/doctor/Checks"
import { finding, lookedAt, pageSize } from "@mall/platform/doctor/Checks"
import type { Check, Selection } from "@mall/platform/doctor/Checks"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { HashChain } from "./HashChain.ts"
import { ledgerEvents } from "./ledgerEvents.ts"

const ofAccount = { id: Schema.String, code: AccountCode }
const Shard = Schema.Struct({ ...ofAccount, shard: Schema.Int, isSound: Schema.Boolean })
const Guarded = Schema.Struct({ ...ofAccount, short: Schema.Int })
const Held = Schema.Struct({ ...ofAccount, held: Schema.Int, open: Schema.Int })
const Sides = Schema.Struct({ id: Schema.String, debits: Schema.Int, credits: Schema.Int })
const Late = Schema.Struct({ id: Schema.String, expiresAt: Schema.Date })
const ended = { next: null } as const

/** How long a pending transfer may outlive its time, in milliseconds: the sweep that ends it comes every few seconds. */
const lateAfter = 600_000

const account = (code: AccountCode) => ({ type: "account", id: code })

const made = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const chain = yield* HashChain

  const among = (selection: Selection) => {
    switch (selection.type) {
      case "all":
        return sql`true`
      case "since":
        return sql`b.last_at >= ${selection.since}`
      case "subjects":
        return sql`a.code = ANY(${selection.ids}::text[])`
    }
  }
  const shardId = sql`(a.code || '#' || b.shard)`
  const read = <S extends Schema.Constraint>(row: S) => {
    const decode = Schema.decodeUnknownEffect(Schema.Array(row))
    return (rows: Effect.Effect<ReadonlyArray<unknown>, unknown>) => Effect.flatMap(rows, decode)
  }

  const trialBalance: Check = {
    name: "ledger_trial_balance",
    says: "In every currency the debits of the books equal their credits",
    severity: "P0",
    reach: "database",
    look: () =>
      sql`
        SELECT a.currency AS id, sum(b.debits_posted + b.debits_pending)::bigint AS debits,
          sum(b.credits_posted + b.credits_pending)::bigint AS credits
        FROM ledger.balances AS b JOIN ledger.accounts AS a ON a.id = b.account_id GROUP BY a.currency`.pipe(
        read(Sides),
        Effect.map((rows) => ({
          ...lookedAt(rows, ({ credits, debits, id }) =>
            debits === credits
              ? undefined
              : finding({ type: "currency", id }, `debits and credits of ${id} differ by ${debits - credits}`, {
                  expected: debits,
                  found: credits
                })
          ),
          ...ended
        }))
      )
  }

  /** All of it in a full look; else against the last entry, which the tables chain to those before it. */
  const soundness = (selection: Selection) =>
    selection.type === "all"
      ? sql`(
          SELECT count(*) = b.version AND coalesce(max(e.version), 0) = b.version
            AND coalesce(sum(e.debits_pending), 0) = b.debits_pending AND coalesce(sum(e.debits_posted), 0) = b.debits_posted
            AND coalesce(sum(e.credits_pending), 0) = b.credits_pending
            AND coalesce(sum(e.credits_posted), 0) = b.credits_posted
          FROM ledger.entries AS e WHERE e.account_id = b.account_id AND e.shard = b.shard)`
      : sql`(b.version = 0 OR EXISTS (
          SELECT FROM ledger.entries AS e
          WHERE e.account_id = b.account_id AND e.shard = b.shard AND e.version = b.version
            AND e.debits_pending_after = b.debits_pending AND e.debits_posted_after = b.debits_posted
            AND e.credits_pending_after = b.credits_pending AND e.credits_posted_after = b.credits_posted))`

  const balances: Check = {
    name: "ledger_balances",
    says: "Every balance is the sum of its entries",
    severity: "P0",
    reach: "database",
    look: ({ after, selection }) =>
      sql`
        SELECT ${shardId} AS id, a.code, b.shard, ${soundness(selection)} AS is_sound
        FROM ledger.balances AS b JOIN ledger.accounts AS a ON a.id = b.account_id
        WHERE ${among(selection)} AND ${shardId} > ${after ?? ""} ORDER BY id LIMIT ${pageSize}`.pipe(
        read(Shard),
        Effect.map((rows) =>
          lookedAt(rows, ({ code, isSound, shard }) =>
            isSound
              ? undefined
              : finding(account(code), `the balance of ${code}, shard ${shard}, is not the sum of its entries`, {
                  accounts: [code]
                })
          )
        )
      )
  }

  const overdrawn: Check = {
    name: "ledger_overdrawn",
    says: "No guarded account owes more than it has",
    severity: "P0",
    reach: "database",
    look: ({ after, selection }) =>
      sql`
        SELECT ${shardId} AS id, a.code, CASE b.normal_side
          WHEN 'credit' THEN b.debits_pending + b.debits_posted - b.credits_posted
          ELSE b.credits_pending + b.credits_posted - b.debits_posted END AS short
        FROM ledger.balances AS b JOIN ledger.accounts AS a ON a.id = b.account_id
        WHERE a.is_guarded AND ${among(selection)} AND ${shardId} > ${after ?? ""} ORDER BY id LIMIT ${pageSize}`.pipe(
        read(Guarded),
        Effect.map((rows) =>
          lookedAt(rows, ({ code, short }) =>
            short <= 0
              ? undefined
              : finding(account(code), `${code} is overdrawn by ${short}`, {
                  expected: 0,
                  found: -short,
                  accounts: [code]
                })
          )
        )
      )
  }

  const pending: Check = {
    name: "ledger_pending",
    says: "What accounts hold is what their open pending transfers ask for",
    severity: "P0",
    reach: "database",
    look: ({ after, selection }) =>
      sql`
        WITH open AS MATERIALIZED (
          SELECT e.account_id, sum(e.debits_pending + e.credits_pending)::bigint AS amount
          FROM ledger.transfers AS t JOIN ledger.entries AS e ON e.transfer_id = t.id
          WHERE t.type = 'pending' AND NOT EXISTS (SELECT FROM ledger.transfers AS o WHERE o.pending_id = t.id)
          GROUP BY e.account_id
        )
        SELECT a.code AS id, a.code, b.held, coalesce(open.amount, 0) AS open
        FROM ledger.accounts AS a
        CROSS JOIN LATERAL (
          SELECT sum(debits_pending + credits_pending)::bigint AS held, max(last_at) AS last_at
          FROM ledger.balances WHERE account_id = a.id
        ) AS b
        LEFT JOIN open ON open.account_id = a.id
        WHERE ${among(selection)} AND a.code > ${after ?? ""} ORDER BY a.code LIMIT ${pageSize}`.pipe(
        read(Held),
        Effect.map((rows) =>
          lookedAt(rows, ({ code, held, open }) =>
            held === open
              ? undefined
              : finding(account(code), `${code} holds ${held} for pending transfers of ${open}`, {
                  expected: open,
                  found: held,
                  accounts: [code]
                })
          )
        )
      )
  }

  const selectLate = SqlSchema.findAll({
    Request: Schema.Struct({ before: Schema.Date, after: Schema.NullOr(Schema.String) }),
    Result: Late,
    execute: ({ after, before }) => sql`
      SELECT transfer_id AS id, expires_at FROM ledger.expiries
      WHERE expires_at < ${before} AND (${after}::uuid IS NULL OR transfer_id > ${after}::uuid)
      ORDER BY transfer_id LIMIT ${pageSize}`
  })
  const expiry: Check = {
    name: "ledger_expiry",
    says: "Pending transfers end when their time is up",
    severity: "P1",
    reach: "database",
    look: ({ after, now }) =>
      Effect.map(selectLate({ after, before: new Date(now.getTime() - lateAfter) }), (rows) =>
        lookedAt(rows, ({ expiresAt, id }) =>
          finding({ type: "transfer", id }, `it was to end at ${expiresAt.toISOString()} and is still pending`)
        )
      )
  }

  const sealed: Check = {
    name: "ledger_chain",
    says: "The chain over the transfers is what was sealed",
    severity: "P0",
    reach: "database",
    look: ({ selection }) =>
      Effect.map(chain.walk(selection.type === "since" ? selection.since : null), ({ fault, sealed }) => ({
        looked: sealed,
        findings: fault === null ? [] : [finding({ type: "chain", id: "ledger" }, fault)],
        ...ended
      }))
  }

  return {
    checks: [trialBalance, balances, overdrawn, pending, expiry, sealed],
    events: [yield* ledgerEvents]
  }
})

/** What the ledger makes sure of. Needs `Checks`, `HashChain` and `SqlClient`. */
export const layer = Checks.layer(made)
