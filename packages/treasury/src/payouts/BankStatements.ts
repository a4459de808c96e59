import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { BankChannel, Statement } from "./bank/BankChannel.ts"
import { Banks } from "./bank/Banks.ts"
import { PayoutOutcomes } from "./PayoutOutcomes.ts"

const reader = "system:bank_statements"

/** Reads what the banks did: what they sent back is told in no other way. */
export class BankStatements extends Context.Service<
  BankStatements,
  {
    /** The next part of each bank's statement; how many entries there were. The same read twice changes nothing. */
    readonly read: Effect.Effect<number, SqlError>
  }
>()("@mall/treasury/payouts/BankStatements") {
  static readonly layerNoDeps = Layer.effect(
    BankStatements,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { all } = yield* Banks
      const outcomes = yield* PayoutOutcomes

      const selectReadTo = SqlSchema.findOneOption({
        Request: Schema.String,
        Result: Schema.Struct({ readTo: Schema.String }),
        execute: (channel) => sql`SELECT s.read_to FROM treasury.bank_statements AS s WHERE s.channel = ${channel}`
      })

      const readOf = Effect.fnUntraced(function* (channel: BankChannel) {
        const before = yield* Effect.catchTag(selectReadTo(channel.id), "SchemaError", Effect.die)
        const readTo = Option.getOrNull(Option.map(before, (row) => row.readTo))
        const statement: Statement | undefined = yield* channel
          .statement(readTo)
          .pipe(
            Effect.catchTag("BankSilent", ({ message }) =>
              Effect.as(Effect.logWarning(message, { channel: channel.id }), undefined)
            )
          )
        if (statement === undefined) return 0
        // one by one, and only then the place in the statement: what a crash leaves out is read again
        yield* Effect.forEach(statement.entries, (entry) => outcomes.record(entry, reader))
        const now = yield* DateTime.nowAsDate
        yield* sql`
          INSERT INTO treasury.bank_statements (channel, read_to, at) VALUES (${channel.id}, ${statement.readTo}, ${now})
          ON CONFLICT ON CONSTRAINT bank_statements_pkey DO UPDATE SET read_to = excluded.read_to, at = excluded.at`
        return statement.entries.length
      })

      return BankStatements.of({
        read: Effect.forEach(all, readOf).pipe(
          Effect.map((counts) => counts.reduce((sum, count) => sum + count, 0)),
          Effect.withSpan("BankStatements.read")
        )
      })
    })
  )
}
