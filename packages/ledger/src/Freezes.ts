import { AccountCode, AccountId } from "@mall/domain/ledger/Account"
import { AccountFreeze, AccountFreezes } from "@mall/domain/ledger/AccountFreezes"
import { AccountNotThawable, LedgerAccountNotFound } from "@mall/domain/ledger/LedgerError"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const newFreezeId = generator(Uuid7.pipe(Schema.brand("FreezeId")))

const Standing = Schema.Struct({
  id: AccountId,
  code: AccountCode,
  frozenAt: Schema.NullOr(Schema.Date),
  isSound: Schema.Boolean
})

/** The port by which accounts are frozen and thawed. Needs `SqlClient`. */
export const layer = Layer.effect(
  AccountFreezes,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const audit = yield* makeAuditRecorder

    /** What the tables take: their triggers refuse to write a shard whose balance is not that of its last entry. */
    const isSoundShard = sql`EXISTS (
      SELECT FROM ledger.entries AS e
      WHERE e.account_id = b.account_id AND e.shard = b.shard AND e.version = b.version
        AND e.debits_pending_after = b.debits_pending AND e.debits_posted_after = b.debits_posted
        AND e.credits_pending_after = b.credits_pending AND e.credits_posted_after = b.credits_posted
    ) OR (b.version = 0 AND b.debits_pending = 0 AND b.debits_posted = 0 AND b.credits_pending = 0 AND b.credits_posted = 0)`

    const lock = SqlSchema.findAll({
      Request: Schema.String,
      Result: Standing,
      execute: (ref) => sql`
        WITH locked AS (
          SELECT b.* FROM ledger.balances AS b JOIN ledger.accounts AS a ON a.id = b.account_id
          WHERE a.code = ${ref} OR a.id::text = ${ref} ORDER BY b.account_id, b.shard FOR UPDATE OF b
        )
        SELECT a.id, a.code, a.frozen_at, bool_and(${isSoundShard}) AS is_sound
        FROM locked AS b JOIN ledger.accounts AS a ON a.id = b.account_id GROUP BY a.id`
    })

    const lockOne = Effect.fnUntraced(function* (ref: string) {
      const [account] = yield* lock(ref)
      return account ?? (yield* new LedgerAccountNotFound({ account: ref }))
    })

    /**
     * Both flags: whoever waits for the lock of a shard reads it again when it comes, the account's row not. A shard that is not
     * sound takes no posting anyway.
     */
    const flag = (id: AccountId, frozenAt: Date | null) =>
      Effect.andThen(
        sql`
          UPDATE ledger.balances AS b SET is_frozen = ${frozenAt !== null}
          WHERE b.account_id = ${id} AND (${isSoundShard})`,
        sql`UPDATE ledger.accounts SET frozen_at = ${frozenAt} WHERE id = ${id}`
      )

    const freeze = Effect.fn("AccountFreezes.freeze")(
      function* (ref: string, { by, reason, violation }: Parameters<AccountFreezes["Service"]["freeze"]>[1]) {
        const { code, frozenAt, id } = yield* lockOne(ref)
        if (violation === null && frozenAt !== null) return false
        const at = yield* DateTime.nowAsDate
        const made = yield* sql`
          INSERT INTO ledger.account_freezes (id, account_id, frozen_at, frozen_by, reason, violation, trace_id)
          VALUES (${yield* newFreezeId}, ${id}, ${at}, ${by}, ${reason}, ${violation}, ${yield* currentTraceId})
          ON CONFLICT ON CONSTRAINT account_freezes_violation_key DO NOTHING
          RETURNING id`
        if (made.length === 0) return false
        yield* flag(id, frozenAt ?? at)
        const resource = { type: "ledger_account", id: code }
        yield* audit.record({ action: "ledger_account.freeze", resource, reason })
        return true
      },
      sql.withTransaction,
      retryConflicts,
      Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
    )

    const thaw = Effect.fn("AccountFreezes.thaw")(
      function* (ref: string, { by, reason }: Parameters<AccountFreezes["Service"]["thaw"]>[1]) {
        const { code, frozenAt, id, isSound } = yield* lockOne(ref)
        if (frozenAt === null) return yield* new AccountNotThawable({ account: code, reason: "it is not frozen" })
        if (!isSound) {
          const why = "its balance is not the sum of its entries, which has to be put right first"
          return yield* new AccountNotThawable({ account: code, reason: why })
        }
        yield* sql`
          UPDATE ledger.account_freezes
          SET thawed_at = ${yield* DateTime.nowAsDate}, thawed_by = ${by}, thaw_reason = ${reason}
          WHERE account_id = ${id} AND thawed_at IS NULL`
        yield* flag(id, null)
        yield* audit.record({ action: "ledger_account.thaw", resource: { type: "ledger_account", id: code }, reason })
      },
      sql.withTransaction,
      retryConflicts,
      Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
    )

    const select = SqlSchema.findAll({
      Request: Schema.String,
      Result: AccountFreeze,
      execute: (ref) => sql`
        SELECT f.* FROM ledger.account_freezes AS f JOIN ledger.accounts AS a ON a.id = f.account_id
        WHERE a.code = ${ref} OR a.id::text = ${ref} ORDER BY f.frozen_at DESC LIMIT 100`
    })

    return AccountFreezes.of({
      freeze,
      thaw,
      history: Effect.fn("AccountFreezes.history")((ref) => Effect.orDie(select(ref)))
    })
  })
)
