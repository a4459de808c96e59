import type { AccountCode } from "@mall/domain/ledger/Account"
import type { PostRefused } from "@mall/domain/ledger/LedgerError"
import { AccountNotClosable, LedgerAccountNotFound } from "@mall/domain/ledger/LedgerError"
import { TransferId } from "@mall/domain/ledger/Transfer"
import type { NewAdjustment, NewTransfer } from "@mall/domain/ledger/Transfer"
import { generator } from "@mall/domain/kernel/Id"
import type { AuditEntry } from "@mall/domain/operations/Audit"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { groupCommit } from "@mall/platform/groupCommit"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Config, Context, DateTime, Effect, Exit, Layer, Request, Result, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { LedgerRepo } from "./LedgerRepo.ts"
import { Posting } from "./Posting.ts"

/** `acts` are what staff did by it, kept where it is new. */
class Post extends Request.Class<
  { readonly transfers: ReadonlyArray<NewTransfer>; readonly acts: ReadonlyArray<AuditEntry> },
  boolean,
  PostRefused
> {}

/** Somebody else posted the same id, or ended the same pending transfer, since we looked: the next look finds it. */
const isRaced = ({ reason }: SqlError) => reason._tag === "UniqueViolation"

const isDone = (decision: Result.Result<{ readonly isNew: boolean }, PostRefused> | undefined) =>
  decision !== undefined && Result.isSuccess(decision) && decision.success.isNew

const newTransferId = generator(TransferId)

const Emptiness = Schema.Struct({ id: Schema.String, isClosed: Schema.Boolean, isEmpty: Schema.Boolean })

/**
 * The books, for who moves money within them. Concurrent posts share a transaction, so that a busy account is locked once for
 * many of them. Not to be called inside a transaction, which those of others could not be part of; there is `Journal` for that.
 */
export class Ledger extends Context.Service<
  Ledger,
  {
    /**
     * Posts transfers in this order, all or none. Idempotent by their ids: false where all of it was posted before. One that is
     * refused spoils no other call.
     */
    post(transfers: ReadonlyArray<NewTransfer>): Effect.Effect<boolean, PostRefused>
    /** A movement that a person makes by hand. */
    adjust(adjustment: NewAdjustment, actor: string): Effect.Effect<boolean, PostRefused>
    /** Ends pending transfers whose time is up; answers with how many. */
    expire(limit: number): Effect.Effect<number>
    /** Takes nothing more, but for what has happened. For an account that is empty and on which nothing is pending. */
    close(
      code: AccountCode,
      actor: string,
      reason: string
    ): Effect.Effect<void, LedgerAccountNotFound | AccountNotClosable>
  }
>()("@mall/ledger/Ledger") {
  static readonly layerNoDeps = Layer.effect(
    Ledger,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const posting = yield* Posting
      const repo = yield* LedgerRepo
      const audit = yield* makeAuditRecorder
      const maxBatch = yield* Config.Int("LEDGER_GROUP_SIZE").pipe(Config.withDefault(128))

      const resolver = groupCommit<Post>({
        commit: Effect.fnUntraced(function* (entries) {
          const decisions = yield* posting
            .postAll(entries.map(({ request: { transfers } }) => ({ transfers, isFact: false })))
            .pipe(
              Effect.tap((decisions) =>
                audit.insert(entries.flatMap(({ request: { acts } }, index) => (isDone(decisions[index]) ? acts : [])))
              ),
              sql.withTransaction,
              retryConflicts,
              Effect.retry({ while: isRaced, times: 2 })
            )
          entries.forEach(({ completeUnsafe }, index) => {
            const decision = decisions[index]
            if (decision === undefined) return completeUnsafe(Exit.interrupt())
            completeUnsafe(
              Result.isSuccess(decision) ? Exit.succeed(decision.success.isNew) : Exit.fail(decision.failure)
            )
          })
        }),
        refused: Exit.die,
        maxBatch
      })

      const postWith = (transfers: ReadonlyArray<NewTransfer>, acts: ReadonlyArray<AuditEntry>) =>
        Effect.request(new Post({ transfers, acts }), resolver)

      const post = Effect.fn("Ledger.post")((transfers: ReadonlyArray<NewTransfer>) => postWith(transfers, []))

      const expireBatch = Effect.fnUntraced(
        function* (limit: number) {
          const due = yield* repo.claimExpired(yield* DateTime.nowAsDate, limit)
          const traceId = yield* currentTraceId
          const chains = yield* Effect.forEach(due, (pendingId) =>
            Effect.map(newTransferId, (id) => ({
              isFact: true,
              transfers: [
                {
                  ...{ id, pendingId, type: "expire" as const, purpose: "adjustment" as const, subject: null },
                  ...{ actor: "ledger_expiry", reason: "its time was up", traceId }
                }
              ]
            }))
          )
          yield* posting.postAll(chains)
          return due.length
        },
        sql.withTransaction,
        retryConflicts,
        Effect.retry({ while: isRaced, times: 2 })
      )

      const lockAccount = SqlSchema.findAll({
        Request: Schema.String,
        Result: Emptiness,
        execute: (code) => sql`
          WITH locked AS (
            SELECT b.* FROM ledger.balances AS b JOIN ledger.accounts AS a ON a.id = b.account_id
            WHERE a.code = ${code} ORDER BY b.account_id, b.shard FOR UPDATE OF b
          )
          SELECT account_id AS id, bool_or(is_closed) AS is_closed,
            sum(debits_pending) = 0 AND sum(credits_pending) = 0 AND sum(debits_posted) = sum(credits_posted) AS is_empty
          FROM locked GROUP BY account_id`
      })

      const close = Effect.fn("Ledger.close")(
        function* (code: AccountCode, actor: string, reason: string) {
          const [account] = yield* lockAccount(code)
          if (account === undefined) return yield* new LedgerAccountNotFound({ account: code })
          if (account.isClosed) return yield* new AccountNotClosable({ account: code, reason: "it is closed already" })
          if (!account.isEmpty) return yield* new AccountNotClosable({ account: code, reason: "it is not empty" })
          yield* sql`UPDATE ledger.balances SET is_closed = true WHERE account_id = ${account.id}`
          yield* sql`
            UPDATE ledger.accounts SET closed_at = ${yield* DateTime.nowAsDate}, closed_by = ${actor}, close_reason = ${reason}
            WHERE id = ${account.id}`
          yield* audit.record({
            action: "ledger_account.close",
            resource: { type: "ledger_account", id: code },
            reason
          })
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
      )

      return Ledger.of({
        post,
        adjust: Effect.fn("Ledger.adjust")(function* ({ id, legs, reason, subject = null }, actor) {
          const traceId = yield* currentTraceId
          const acts = yield* audit.prepare({
            action: "ledger.adjust",
            resource: { type: "transfer", id },
            reason,
            after: { legs, subject }
          })
          return yield* postWith(
            [{ type: "single", purpose: "adjustment", id, legs, reason, subject, actor, traceId }],
            acts
          )
        }),
        expire: Effect.fn("Ledger.expire")((limit) => expireBatch(limit).pipe(Effect.catchTag("SqlError", Effect.die))),
        close
      })
    })
  )
}
