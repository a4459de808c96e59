import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { HashChain } from "../src/HashChain.ts"
import { Ledger } from "../src/Ledger.ts"
import { clearing, credit, debit, moved, newTransferId, payable, single, TestLedger, wallet } from "./LedgerTest.ts"

/** Which rule of the tables stopped a statement. */
const stoppedBy = <A, E, R>(statement: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(statement), (error) => {
    const { cause, constraint } = Object(Object(error).reason)
    return String(constraint ?? Object(cause).constraint ?? Object(cause).message)
  })

const sealed = Effect.gen(function* () {
  const chain = yield* HashChain
  yield* chain.seal(500)
})

/** What nobody can do but who may switch the triggers off. */
const pastTheTriggers = Effect.fnUntraced(function* <E, R>(tamper: Effect.Effect<unknown, E, R>) {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.andThen(sql`SET LOCAL session_replication_role = replica`, tamper).pipe(sql.withTransaction)
})

layer(TestLedger, { excludeTestServices: true })("The tables of the ledger", (it) => {
  it.effect("take no update, no deletion and no truncation of what was written", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const ledger = yield* Ledger
      yield* ledger.post([yield* moved(debit(clearing, 10), credit(payable, 10))])
      yield* sealed
      for (const table of ["transfers", "entries", "seals"]) {
        const rule = `${table}_append_only`
        const name = sql.literal(`ledger.${table}`)
        const column = sql.literal(table === "seals" ? "hash = ''" : "at = now()")
        assert.strictEqual(yield* stoppedBy(sql`UPDATE ${name} SET ${column}`), rule)
        assert.strictEqual(yield* stoppedBy(sql`DELETE FROM ${name}`), rule)
        assert.strictEqual(yield* stoppedBy(sql`TRUNCATE ${name} CASCADE`), rule)
      }
      assert.strictEqual(yield* stoppedBy(sql`DELETE FROM ledger.balances`), "balances_append_only")
      assert.strictEqual(yield* stoppedBy(sql`UPDATE ledger.accounts SET currency = 'USD'`), "accounts_append_only")
      assert.strictEqual(yield* stoppedBy(sql`UPDATE ledger.balances SET is_guarded = false`), "balances_append_only")
    })
  )

  it.effect("take no transfer that does not sum to zero, nor one without entries", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const id = yield* newTransferId
      const transfer = sql`
        INSERT INTO ledger.transfers (id, type, purpose, input_hash, actor, reason, at)
        VALUES (${id}, 'single', 'adjustment', '', 'mallory', 'none', now())`
      assert.strictEqual(yield* stoppedBy(transfer), "transfers_have_entries")
      const lopsided = sql`
        WITH t AS (${transfer}), target AS (
          SELECT b.* FROM ledger.balances AS b JOIN ledger.accounts AS a ON a.id = b.account_id
          WHERE a.code = ${payable} AND b.version > 0 LIMIT 1
        ), moved AS (
          UPDATE ledger.balances AS b SET version = b.version + 1, credits_posted = b.credits_posted + 1
          FROM target WHERE b.account_id = target.account_id AND b.shard = target.shard
        )
        INSERT INTO ledger.entries (transfer_id, account_id, shard, version, debits_pending, debits_pending_after, debits_posted,
          debits_posted_after, credits_pending, credits_pending_after, credits_posted, credits_posted_after, at)
        SELECT ${id}::uuid, account_id, shard, version + 1, 0, debits_pending, 0, debits_posted, 0, credits_pending, 1,
          credits_posted + 1, now() FROM target`
      assert.strictEqual(yield* stoppedBy(lopsided), "entries_balanced")
    })
  )

  it.effect("take no balance that is not the sum of its entries, and no version that skips", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const ledger = yield* Ledger
      yield* ledger.post([yield* moved(debit(clearing, 10), credit(payable, 10))])
      const some = sql`(account_id, shard) IN (SELECT account_id, shard FROM ledger.balances WHERE version > 0 LIMIT 1)`
      const rule = "balances_equal_entries"
      const set = (what: string) => sql`UPDATE ledger.balances SET ${sql.literal(what)} WHERE ${some}`
      assert.strictEqual(yield* stoppedBy(set("credits_posted = credits_posted + 1")), rule)
      assert.strictEqual(yield* stoppedBy(set("version = version + 1")), rule)
      assert.strictEqual(yield* stoppedBy(set("version = version - 1")), rule)

      const copied = (version: string, rest: string) => sql`
        INSERT INTO ledger.entries (transfer_id, account_id, shard, version, debits_pending, debits_pending_after, debits_posted,
          debits_posted_after, credits_pending, credits_pending_after, credits_posted, credits_posted_after, at)
        SELECT (SELECT id FROM ledger.transfers t WHERE NOT EXISTS
            (SELECT FROM ledger.entries o WHERE o.transfer_id = t.id AND o.account_id = b.account_id) LIMIT 1),
          b.account_id, b.shard, b.version + ${sql.literal(version)}, 0, b.debits_pending, 0, b.debits_posted, 0,
          b.credits_pending, 0, b.credits_posted ${sql.literal(rest)}, now()
        FROM ledger.balances AS b JOIN ledger.accounts AS a ON a.id = b.account_id
        WHERE a.code = ${wallet("other")}`
      yield* ledger.post([yield* moved(debit(clearing, 10), credit(wallet("other"), 10))])
      assert.strictEqual(yield* stoppedBy(copied("2", "")), "entries_consecutive")
      assert.strictEqual(yield* stoppedBy(copied("1", "+ 5")), "entries_consecutive")
      assert.strictEqual(yield* stoppedBy(copied("1", "")), rule)
    })
  )

  it.effect("keep a guarded account from being overdrawn whoever writes", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const ledger = yield* Ledger
      yield* ledger.post([yield* moved(debit(clearing, 10), credit(wallet("guarded"), 10))])
      const overdraw = sql`
        UPDATE ledger.balances AS b SET debits_posted = 11 FROM ledger.accounts AS a
        WHERE a.id = b.account_id AND a.code = ${wallet("guarded")}`
      assert.strictEqual(yield* stoppedBy(overdraw), "balances_not_overdrawn")
    })
  )

  it.effect("end a pending transfer once", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const insert = (id: string, pendingId: string) => sql`
        INSERT INTO ledger.transfers (id, type, pending_id, purpose, input_hash, actor, reason, at)
        VALUES (${id}, 'void', ${pendingId}, 'adjustment', '', 'mallory', 'none', now())`
      const [a, b, pendingId] = [yield* newTransferId, yield* newTransferId, yield* newTransferId]
      yield* pastTheTriggers(insert(a, pendingId))
      assert.strictEqual(yield* stoppedBy(insert(b, pendingId)), "transfers_pending_key")
      yield* pastTheTriggers(sql`DELETE FROM ledger.transfers WHERE id = ${a}`)
    })
  )
})

layer(TestLedger, { excludeTestServices: true })("The hash chain", (it) => {
  it.effect("covers every transfer once, in pages, however many seal", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const chain = yield* HashChain
      const sql = yield* SqlClient.SqlClient
      for (let count = 0; count < 30; count++)
        yield* ledger.post([yield* moved(debit(clearing, 1), credit(payable, 1))])
      const counts = yield* Effect.all([chain.seal(20), chain.seal(20), chain.seal(20)], { concurrency: "unbounded" })
      assert.strictEqual(
        counts.reduce((a, b) => a + b),
        30
      )
      const report = yield* chain.verify
      assert.deepStrictEqual([report.sealed, report.fault], [30, null])
      const [head] = yield* sql`SELECT encode(hash, 'hex') AS hash FROM ledger.chain_head`
      assert.strictEqual(report.head, head?.["hash"])
    })
  )

  it.effect("names the first thing that was changed past the triggers", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const chain = yield* HashChain
      const sql = yield* SqlClient.SqlClient
      const fault = Effect.map(chain.verify, ({ fault }) => fault ?? "none")
      const second = sql`(SELECT transfer_id FROM ledger.seals WHERE sequence = 2)`

      yield* pastTheTriggers(sql`UPDATE ledger.transfers SET reason = 'nothing' WHERE id = ${second}`)
      assert.match(yield* fault, /^at 2, transfer .*: what is kept is not what was sealed$/)
      yield* pastTheTriggers(sql`UPDATE ledger.transfers SET reason = 'because' WHERE id = ${second}`)
      assert.strictEqual(yield* fault, "none")

      const more = sql`credits_posted = credits_posted + 1 WHERE credits_posted = 1 AND transfer_id = ${second}`
      yield* pastTheTriggers(sql`UPDATE ledger.entries SET ${more}`)
      assert.match(yield* fault, /^at 2/)
      const less = sql`credits_posted = credits_posted - 1 WHERE credits_posted = 2 AND transfer_id = ${second}`
      yield* pastTheTriggers(sql`UPDATE ledger.entries SET ${less}`)
      assert.strictEqual(yield* fault, "none")

      yield* pastTheTriggers(
        sql`UPDATE ledger.balances SET credits_posted = credits_posted + 1 WHERE credits_posted > 0`
      )
      assert.match(yield* fault, /^the balance of platform:payable:CNY, shard \d, is not the sum of its entries$/)
      yield* pastTheTriggers(
        sql`UPDATE ledger.balances SET credits_posted = credits_posted - 1 WHERE credits_posted > 0`
      )

      const id = yield* newTransferId
      yield* ledger.post([single(id, debit(clearing, 1), credit(payable, 1))])
      yield* pastTheTriggers(sql`DELETE FROM ledger.unsealed WHERE transfer_id = ${id}`)
      assert.strictEqual(yield* fault, `transfer ${id} is in no chain`)
      yield* pastTheTriggers(sql`INSERT INTO ledger.unsealed (transfer_id, at) VALUES (${id}, now())`)
      yield* sealed

      yield* pastTheTriggers(sql`DELETE FROM ledger.seals WHERE sequence = 31`)
      assert.strictEqual(yield* fault, "the chain has no link 31")
      yield* pastTheTriggers(sql`DELETE FROM ledger.seals WHERE sequence = 5`)
      assert.strictEqual(yield* fault, "the chain has no link 5")
    })
  )
})
