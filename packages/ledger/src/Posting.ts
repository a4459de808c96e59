import { Side } from "@mall/domain/ledger/Account"
import { Journal } from "@mall/domain/ledger/Journal"
import type { PostRefused } from "@mall/domain/ledger/LedgerError"
import { Transfers } from "@mall/domain/ledger/Transfers"
import { Context, DateTime, Effect, Layer, Result, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { decide } from "./decide.ts"
import type { Decided } from "./decide.ts"
import type { Chain } from "./Draft.ts"
import { LedgerRepo } from "./LedgerRepo.ts"

/** Posts within a transaction: locks, reads, decides in memory, and writes all that is not refused in one statement. */
export class Posting extends Context.Service<
  Posting,
  {
    /**
     * Needs a transaction. Answers in the order asked; a chain that is refused spoils no other. Fails with a unique violation
     * where somebody posts the same id, or ends the same pending transfer, at this moment: then the transaction is to be run again.
     */
    postAll(chains: ReadonlyArray<Chain>): Effect.Effect<ReadonlyArray<Result.Result<Decided, PostRefused>>, SqlError>
  }
>()("@mall/ledger/Posting") {
  static readonly layerNoDeps = Layer.effect(
    Posting,
    Effect.gen(function* () {
      const repo = yield* LedgerRepo
      return Posting.of({
        postAll: Effect.fnUntraced(function* (chains) {
          const now = yield* DateTime.nowAsDate
          const { books, notBefore } = yield* repo.lock(
            chains.flatMap(({ transfers }) => transfers),
            now
          )
          const at = notBefore !== null && notBefore > now ? notBefore : now
          const decisions = chains.map((chain) => decide(books, chain, at))
          const decided = decisions.flatMap((decision) => (Result.isSuccess(decision) ? [decision.success] : []))
          const transfers = decided.flatMap(({ transfers }) => transfers)
          if (transfers.length > 0) {
            yield* repo.write(
              transfers,
              decided.flatMap(({ entries }) => entries),
              at
            )
          }
          return decisions
        })
      })
    })
  )
}

const purposesOf = {
  payments: ["capture", "surplus_capture", "refund", "surplus_refund"],
  disputes: ["dispute"]
} as const

const Held = Schema.Struct({ subject: Schema.String, held: Schema.Int })

/** The port by which other contexts post what has happened. */
export const journalLayer = Layer.effect(
  Journal,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const posting = yield* Posting
    const selectHeld = SqlSchema.findAll({
      Request: Schema.Struct({ subjects: Schema.Array(Schema.String), purposes: Schema.Array(Schema.String) }),
      Result: Held,
      execute: ({ purposes, subjects }) => sql`
        SELECT t.subject, sum(CASE WHEN a.kind = 'clearing' THEN e.debits_posted - e.credits_posted ELSE 0 END)::bigint AS held
        FROM ledger.transfers AS t
        JOIN ledger.entries AS e ON e.transfer_id = t.id
        JOIN ledger.accounts AS a ON a.id = e.account_id
        WHERE t.subject = ANY(${subjects}::text[])
          AND t.purpose = ANY(${purposes}::text[])
        GROUP BY t.subject`
    })
    return Journal.of({
      record: Effect.fn("Journal.record")(function* (postings) {
        if (postings.length === 0) return
        const decisions = yield* posting.postAll(
          postings.map((posting) => ({ isFact: true, transfers: [{ ...posting, type: "single" }] }))
        )
        for (const decision of decisions) if (Result.isFailure(decision)) return yield* Effect.die(decision.failure)
      }),
      held: (subjects, by = "payments") =>
        selectHeld({ subjects, purposes: purposesOf[by] }).pipe(
          Effect.map((rows) => new Map(rows.map(({ held, subject }) => [subject, held]))),
          Effect.catchTag("SchemaError", Effect.die)
        )
    })
  })
)

const Standing = Schema.Struct({ normalSide: Side, creditsLeft: Schema.Int, debitsLeft: Schema.Int })

/** The port by which other contexts ask for movements. */
export const transfersLayer = Layer.effect(
  Transfers,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const posting = yield* Posting
    const lockStanding = SqlSchema.findAll({
      Request: Schema.String,
      Result: Standing,
      execute: (code) => sql`
        WITH locked AS (
          SELECT b.* FROM ledger.balances AS b JOIN ledger.accounts AS a ON a.id = b.account_id
          WHERE a.code = ${code} ORDER BY b.account_id, b.shard FOR UPDATE OF b
        )
        SELECT normal_side, sum(credits_posted - debits_posted - debits_pending)::bigint AS credits_left,
          sum(debits_posted - credits_posted - credits_pending)::bigint AS debits_left
        FROM locked GROUP BY normal_side`
    })
    return Transfers.of({
      post: Effect.fn("Transfers.post")(function* (transfers) {
        for (const decision of yield* posting.postAll([{ isFact: false, transfers }])) {
          if (Result.isFailure(decision)) return yield* decision.failure
        }
      }),
      available: Effect.fn("Transfers.available")(function* (account) {
        const [row] = yield* lockStanding(account).pipe(Effect.catchTag("SchemaError", Effect.die))
        if (row === undefined) return 0
        return row.normalSide === "credit" ? row.creditsLeft : row.debitsLeft
      })
    })
  })
)
