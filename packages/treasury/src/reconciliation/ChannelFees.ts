import { ChannelFee, ChannelFeeId } from "@mall/domain/treasury/ChannelFee"
import type { NewChannelFee } from "@mall/domain/treasury/ChannelFee"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** By which rules the fees of bills are compared. What is written stays: a newer rule takes the place of one from its time on. */
export class ChannelFees extends Context.Service<
  ChannelFees,
  {
    /** In force or yet to be, with those that have been, the last to begin first; at most a thousand. */
    readonly all: Effect.Effect<ReadonlyArray<ChannelFee>>
    /** The same `id` again answers with the rule as it is. */
    add(fee: NewChannelFee, actor: string, id: ChannelFeeId): Effect.Effect<ChannelFee>
  }
>()("@mall/treasury/reconciliation/ChannelFees") {
  static readonly layer = Layer.effect(
    ChannelFees,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      // a decimal without the zeros that the column fills it up with
      const columns = sql`
        f.id, f.channel, f.currency, trim_scale(f.basis_points)::text AS basis_points, f.fixed, f.rounding, f.is_returned,
        f.effective_from, f.actor, f.reason, f.trace_id, f.at`

      const all = SqlSchema.findAll({
        Request: Schema.Void,
        Result: ChannelFee,
        execute: () => sql`
          SELECT ${columns} FROM treasury.channel_fees AS f ORDER BY f.effective_from DESC, f.id DESC LIMIT 1000`
      })
      const find = SqlSchema.findOneOption({
        Request: ChannelFeeId,
        Result: ChannelFee,
        execute: (id) => sql`SELECT ${columns} FROM treasury.channel_fees AS f WHERE f.id = ${id}`
      })

      return ChannelFees.of({
        all: all(undefined).pipe(
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die }),
          Effect.withSpan("ChannelFees.all")
        ),
        add: Effect.fn("ChannelFees.add")(
          function* ({ effectiveFrom, reason, ...terms }, actor, id) {
            const known = yield* find(id)
            if (Option.isSome(known)) return known.value
            const { basisPoints, channel, currency, fixed, isReturned, rounding } = terms
            const at = yield* DateTime.nowAsDate
            const from = effectiveFrom ?? at
            yield* sql`
              INSERT INTO treasury.channel_fees (id, channel, currency, basis_points, fixed, rounding, is_returned,
                effective_from, actor, reason, trace_id, at)
              VALUES (${id}, ${channel}, ${currency}, ${basisPoints}::text::numeric, ${fixed}, ${rounding}, ${isReturned},
                ${from}, ${actor}, ${reason}, ${yield* currentTraceId}, ${at})`
            yield* audit.record({
              action: "channel_fee.add",
              resource: { type: "channel_fee", id },
              reason,
              after: { ...terms, effectiveFrom: from }
            })
            return yield* Effect.flatMap(find(id), Effect.fromOption)
          },
          sql.withTransaction,
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die, NoSuchElementError: Effect.die })
        )
      })
    })
  )
}
