import { ChannelId } from "@mall/domain/payments/Payment"
import { BillDay } from "@mall/domain/treasury/Bill"
import { DifferenceClass, DifferencePage, DifferenceStatus } from "@mall/domain/treasury/Difference"
import type { Difference } from "@mall/domain/treasury/Difference"
import type { Aging } from "@mall/domain/treasury/ReconciliationReport"
import { ReconciliationReport } from "@mall/domain/treasury/ReconciliationReport"
import { ReconciliationChannel, Run, RunId, RunPage, RunStatus } from "@mall/domain/treasury/Run"
import { ReconciliationReads } from "@mall/treasury/reconciliation/ReconciliationReads"
import { Effect, Option, Schema, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { csv, printCsv } from "./csv.ts"
import { given, page } from "./flags.ts"
import { fields, json, print, printPage, section, table } from "./Output.ts"
import type { Columns } from "@mall/platform/csv"
import { approve, assign, difference, draft, reject, resolve, rules, run } from "./ReconActs.ts"
import { fees, setFee } from "./ReconFees.ts"
import * as Services from "./Services.ts"

const channel = Flag.String("channel").pipe(
  Flag.withSchema(ChannelId),
  Flag.withDescription("Only of this channel"),
  Flag.optional
)
const day = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withSchema(BillDay), Flag.withDescription(description))
const ofDay = day("day", "Only of this day, such as 2026-11-20").pipe(Flag.optional)

const channels = Command.make(
  "channels",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const reads = yield* ReconciliationReads
    const all = yield* reads.channels
    yield* print(
      all,
      { json, schema: Schema.Array(ReconciliationChannel) },
      table<ReconciliationChannel>(
        {
          channel: ({ channel }) => channel,
          account: ({ account }) => account,
          bill: ({ format, reason }) => format ?? reason,
          "from hour": ({ format, hour }) => (format === null ? "" : hour),
          "last day": ({ lastDay }) => lastDay
        },
        all,
        "The platform has an account at no channel."
      )
    )
  })
).pipe(
  Command.withDescription("List the channels and whether their bills are compared"),
  Command.withExamples([{ command: "mall recon channels" }]),
  Command.provide(Services.layer)
)

const runColumns: Columns<Run> = {
  id: ({ id }) => id,
  channel: ({ channel }) => channel,
  day: ({ day }) => day,
  status: ({ status }) => status,
  lines: ({ lines }) => lines,
  matched: ({ counts }) => counts?.matched,
  "amount differs": ({ counts }) => counts?.amountDiffers,
  "missing here": ({ counts }) => counts?.missingHere,
  "missing there": ({ counts }) => counts?.missingThere,
  duplicate: ({ counts }) => counts?.duplicate,
  "state differs": ({ counts }) => counts?.stateDiffers,
  timing: ({ counts }) => counts?.timing,
  "fee differs": ({ counts }) => counts?.feeDiffers
}

const runs = Command.make(
  "runs",
  {
    ...page,
    channel,
    day: ofDay,
    status: Flag.Literals("status", RunStatus.literals).pipe(
      Flag.withDescription("Only of this status"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, channel, day, json, limit, status }) {
    const reads = yield* ReconciliationReads
    yield* printPage(yield* reads.runs({ limit, ...given({ after, channel, day, status }) }), {
      json,
      schema: RunPage,
      columns: runColumns,
      empty: "There are no such runs."
    })
  })
).pipe(
  Command.withDescription("List runs, newest first"),
  Command.withExamples([{ command: "mall recon runs --channel wechatpay --status failed" }]),
  Command.provide(Services.layer)
)

const show = Command.make(
  "show",
  { id: Argument.String("run").pipe(Argument.withSchema(RunId)), json },
  Effect.fnUntraced(function* ({ id, json }) {
    const reads = yield* ReconciliationReads
    const run = yield* reads.run(id)
    const { account, actor, channel, counts, failure, finishedAt, lines, records, sha256, startedAt, status } = run
    yield* print(
      run,
      { json, schema: Run },
      Effect.andThen(
        fields({
          ...{ id, channel, account, day: run.day, status, why: failure, lines, "records of ours": records },
          ...counts,
          ...{ "hash of the bill": sha256, who: actor, trace: run.traceId, started: startedAt, finished: finishedAt }
        }),
        section(
          "Sums of the bill",
          {
            currency: ({ currency }) => currency,
            payments: ({ payments }) => payments,
            refunds: ({ refunds }) => refunds,
            fees: ({ fees }) => fees,
            others: ({ others }) => others
          },
          run.totals
        )
      )
    )
  })
).pipe(
  Command.withDescription("Show a run with its figures; amounts are in minor units"),
  Command.withExamples([{ command: "mall recon show 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }]),
  Command.provide(Services.layer)
)

const differenceColumns: Columns<Difference> = {
  id: ({ id }) => id,
  channel: ({ channel }) => channel,
  day: ({ day }) => day,
  class: (item) => item.class,
  kind: ({ kind }) => kind,
  reference: ({ reference }) => reference,
  "in the bill": ({ billAmount }) => billAmount,
  ours: ({ ourAmount }) => ourAmount,
  excess: ({ excess }) => excess,
  currency: ({ billCurrency, ourCurrency }) => billCurrency ?? ourCurrency,
  status: ({ status }) => status,
  assignee: ({ assignee }) => assignee,
  found: ({ createdAt }) => createdAt
}

const differences = Command.make(
  "differences",
  {
    ...page,
    channel,
    day: ofDay,
    class: Flag.Literals("class", DifferenceClass.literals).pipe(
      Flag.withDescription("Only of this class"),
      Flag.optional
    ),
    status: Flag.Literals("status", DifferenceStatus.literals).pipe(
      Flag.withDescription("Only of this status"),
      Flag.optional
    ),
    csv,
    json
  },
  Effect.fnUntraced(function* ({ after, channel, class: found, csv, day, json, limit, status }) {
    const reads = yield* ReconciliationReads
    const filter = given({ channel, class: found, day, status })
    if (csv) {
      const all = Stream.paginate<string | undefined, Difference, Effect.Error<ReturnType<typeof reads.differences>>>(
        undefined,
        (after) =>
          Effect.map(reads.differences({ ...filter, after, limit: 100 }), ({ data, nextCursor }) => [
            data,
            nextCursor === null ? Option.none() : Option.some(nextCursor)
          ])
      )
      return yield* printCsv(differenceColumns, all)
    }
    yield* printPage(yield* reads.differences({ ...filter, limit, ...given({ after }) }), {
      json,
      schema: DifferencePage,
      columns: differenceColumns,
      empty: "There are no such differences."
    })
  })
).pipe(
  Command.withDescription("List differences, newest first; amounts are in minor units"),
  Command.withExamples([
    { command: "mall recon differences --status open", description: "What somebody has to look at" }
  ]),
  Command.provide(Services.layer)
)

const agingColumns: Columns<Aging> = {
  channel: ({ channel }) => channel,
  class: (item) => item.class,
  currency: ({ currency }) => currency,
  "up to 1 day": ({ upTo1 }) => upTo1,
  "up to 7 days": ({ upTo7 }) => upTo7,
  "up to 30 days": ({ upTo30 }) => upTo30,
  older: ({ older }) => older,
  excess: ({ excess }) => excess,
  "oldest, days": ({ oldestDays }) => oldestDays
}

const report = Command.make(
  "report",
  { from: day("from", "The first day"), to: day("to", "The last day"), csv, json },
  Effect.fnUntraced(function* ({ csv, from, json, to }) {
    const reads = yield* ReconciliationReads
    const report = yield* reads.report(from, to)
    if (csv) return yield* printCsv(runColumns, Stream.fromIterable(report.runs))
    yield* print(
      report,
      { json, schema: ReconciliationReport },
      Effect.andThen(
        table(runColumns, report.runs, "Nothing was compared."),
        section("Not resolved, by age", agingColumns, report.aging)
      )
    )
  })
).pipe(
  Command.withDescription("Show what the days came to, and what is not resolved by its age"),
  Command.withExamples([{ command: "mall recon report --from 2026-11-01 --to 2026-11-30 --csv > november.csv" }]),
  Command.provide(Services.layer)
)

export const ReconCommand = Command.make("recon").pipe(
  Command.withSubcommands([
    channels,
    run,
    runs,
    show,
    differences,
    difference,
    assign,
    resolve,
    draft,
    approve,
    reject,
    report,
    rules,
    fees,
    setFee
  ])
)
