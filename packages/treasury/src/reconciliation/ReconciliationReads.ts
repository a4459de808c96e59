import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { BillDay } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import { Difference, DifferenceId } from "@mall/domain/treasury/Difference"
import type { DifferenceClass, DifferenceStatus } from "@mall/domain/treasury/Difference"
import { RunNotFound } from "@mall/domain/treasury/ReconciliationError"
import { Aging, ReconciliationReport } from "@mall/domain/treasury/ReconciliationReport"
import { ReconciliationChannel, Run, RunDetails, RunId } from "@mall/domain/treasury/Run"
import type { RunStatus } from "@mall/domain/treasury/Run"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { differenceColumns } from "./DifferenceRepo.ts"
import { ReconciliationConfig } from "./ReconciliationConfig.ts"
import { runColumns, RunRepo } from "./RunRepo.ts"

interface PageRequest {
  readonly limit?: number | undefined
  readonly after?: string | undefined
  readonly channel?: string | undefined
  readonly day?: string | undefined
  readonly merchantId?: MerchantId | undefined
}

/** From one day to another, both included, of the platform's accounts or of a merchant's. */
export interface ReportRequest {
  readonly from: BillDay
  readonly to: BillDay
  readonly merchantId?: MerchantId | undefined
}

export interface RunFilter extends PageRequest {
  readonly status?: RunStatus | undefined
}

export interface DifferenceFilter extends PageRequest {
  readonly class?: DifferenceClass | undefined
  readonly status?: DifferenceStatus | undefined
}

const runCursor = cursorOf(Schema.Struct({ id: RunId }))
const differenceCursor = cursorOf(Schema.Struct({ id: DifferenceId }))
const decodeRuns = Schema.decodeUnknownEffect(Schema.Array(Run))
const decodeDifferences = Schema.decodeUnknownEffect(Schema.Array(Difference))
const decodeAging = Schema.decodeUnknownEffect(Schema.Array(Aging))

const LastDay = Schema.Struct({ channel: Schema.String, account: Schema.String, day: BillDay })
const Owner = Schema.NullOr(Schema.String)
const Waiting = Schema.Struct({ channel: Schema.String, open: Schema.Int, oldestAt: Schema.Date })
export type Waiting = typeof Waiting.Type

/** Lists and looks, for those who may see all of it. */
export class ReconciliationReads extends Context.Service<
  ReconciliationReads,
  {
    /** The platform's accounts, or those of a merchant. */
    channels(merchantId?: MerchantId): Effect.Effect<ReadonlyArray<ReconciliationChannel>>
    /** Newest first. */
    runs(filter: RunFilter): Effect.Effect<Page<Run>, InvalidCursor>
    run(id: RunId): Effect.Effect<RunDetails, RunNotFound>
    /** Newest first. */
    differences(filter: DifferenceFilter): Effect.Effect<Page<Difference>, InvalidCursor>
    report(asked: ReportRequest): Effect.Effect<ReconciliationReport>
    /** What nobody has resolved, by channel. */
    readonly waiting: Effect.Effect<ReadonlyArray<Waiting>>
  }
>()("@mall/treasury/reconciliation/ReconciliationReads") {
  static readonly layerNoDeps = Layer.effect(
    ReconciliationReads,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const bills = yield* ChannelBills
      const { hourOf } = yield* ReconciliationConfig
      const repo = yield* RunRepo

      const ofOwner = (alias: "r" | "d", merchantId: string | null) =>
        merchantId === null ? sql`${sql(alias)}.merchant_id IS NULL` : sql`${sql(alias)}.merchant_id = ${merchantId}`

      const lastDays = SqlSchema.findAll({
        Request: Owner,
        Result: LastDay,
        execute: (merchantId) => sql`
          SELECT r.channel, r.account, to_char(max(r.day), 'YYYY-MM-DD') AS day FROM treasury.reconciliation_runs AS r
          WHERE r.status = 'completed' AND ${ofOwner("r", merchantId)} GROUP BY r.channel, r.account`
      })

      const waiting = SqlSchema.findAll({
        Request: Schema.Void,
        Result: Waiting,
        execute: () => sql`
          SELECT d.channel, count(*) AS open, min(d.created_at) AS oldest_at FROM treasury.differences AS d
          WHERE d.status IN ('open', 'carried', 'drafted') GROUP BY d.channel ORDER BY d.channel`
      })

      const shared = (alias: "r" | "d", { channel, day, merchantId }: PageRequest) => [
        sql`true`,
        ...(channel === undefined ? [] : [sql`${sql(alias)}.channel = ${channel}`]),
        ...(merchantId === undefined ? [] : [ofOwner(alias, merchantId)]),
        ...(day === undefined ? [] : [sql`${sql(alias)}.day = ${day}::text::date`])
      ]

      const channels = Effect.fn("ReconciliationReads.channels")(
        function* (of?: MerchantId) {
          const done = yield* lastDays(of ?? null)
          const sources = of === undefined ? bills.sources : yield* bills.ownOf(of)
          return yield* Effect.forEach(sources, ({ account, channel, format, merchantId, offsetMinutes, reason }) =>
            Effect.map(hourOf(channel), (hour) => {
              const last = done.find((one) => one.channel === channel && one.account === account)
              const lastDay = last?.day ?? null
              const known = { account, channel, merchantId, format, offsetMinutes, reason }
              return new ReconciliationChannel({ ...known, hour, lastDay })
            })
          )
        },
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die, ConfigError: Effect.die })
      )

      return ReconciliationReads.of({
        channels,
        runs: Effect.fn("ReconciliationReads.runs")(
          function* ({ after, limit = defaultLimit, status, ...filter }) {
            const clauses = [
              ...shared("r", filter),
              ...(status === undefined ? [] : [sql`r.status = ${status}`]),
              ...(after === undefined ? [] : [sql`r.id < ${(yield* runCursor.decode(after)).id}`])
            ]
            const rows = yield* sql`
              SELECT ${runColumns(sql)} FROM treasury.reconciliation_runs AS r WHERE ${sql.and(clauses)}
              ORDER BY r.id DESC LIMIT ${limit + 1}`
            return toPage(yield* decodeRuns(rows), limit, ({ id }) => runCursor.encode({ id }))
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        run: Effect.fn("ReconciliationReads.run")(
          function* (id) {
            const found = yield* repo.details(id)
            return Option.isSome(found) ? found.value : yield* new RunNotFound({ runId: id })
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        differences: Effect.fn("ReconciliationReads.differences")(
          function* ({ after, class: found, limit = defaultLimit, status, ...filter }) {
            const clauses = [
              ...shared("d", filter),
              ...(found === undefined ? [] : [sql`d.class = ${found}`]),
              ...(status === undefined ? [] : [sql`d.status = ${status}`]),
              ...(after === undefined ? [] : [sql`d.id < ${(yield* differenceCursor.decode(after)).id}`])
            ]
            const rows = yield* sql`
              SELECT ${differenceColumns(sql)} FROM treasury.differences AS d WHERE ${sql.and(clauses)}
              ORDER BY d.id DESC LIMIT ${limit + 1}`
            return toPage(yield* decodeDifferences(rows), limit, ({ id }) => differenceCursor.encode({ id }))
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        report: Effect.fn("ReconciliationReads.report")(
          function* ({ from, merchantId, to }) {
            const now = yield* DateTime.nowAsDate
            const runs = yield* decodeRuns(
              yield* sql`
                SELECT ${runColumns(sql)} FROM treasury.reconciliation_runs AS r
                WHERE r.status = 'completed' AND ${ofOwner("r", merchantId ?? null)}
                  AND r.day BETWEEN ${from}::text::date AND ${to}::text::date
                ORDER BY r.day, r.channel LIMIT 1000`
            )
            const aging = yield* decodeAging(
              yield* sql`
                SELECT w.channel, w.class, w.currency, count(*) FILTER (WHERE w.days < 1) AS up_to_1,
                  count(*) FILTER (WHERE w.days >= 1 AND w.days < 7) AS up_to_7,
                  count(*) FILTER (WHERE w.days >= 7 AND w.days < 30) AS up_to_30,
                  count(*) FILTER (WHERE w.days >= 30) AS older, coalesce(sum(w.excess), 0)::bigint AS excess,
                  max(w.days) AS oldest_days
                FROM (
                  SELECT d.channel, d.class, coalesce(d.bill_currency, d.our_currency) AS currency, d.excess,
                    floor(extract(epoch FROM ${now}::timestamptz - d.created_at) / 86400)::int AS days
                  FROM treasury.differences AS d
                  WHERE d.status IN ('open', 'carried', 'drafted') AND ${ofOwner("d", merchantId ?? null)}
                ) AS w
                GROUP BY w.channel, w.class, w.currency ORDER BY w.channel, w.class, w.currency`
            )
            return new ReconciliationReport({ from, to, runs, aging })
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        waiting: waiting(undefined).pipe(Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die }))
      })
    })
  )
}
