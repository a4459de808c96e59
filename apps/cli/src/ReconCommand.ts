import { ChannelId } from "@mall/domain/payments/Payment"
import { BillDay } from "@mall/domain/treasury/Bill"
import { DifferenceClass, DifferencePage, DifferenceStatus } from "@mall/domain/treasury/Difference"
import type { Difference } from "@mall/domain/treasury/Difference"
import type { Aging } from "@mall/domain/treasury/ReconciliationReport"
import { ReconciliationReport } from "@mall/domain/treasury/ReconciliationReport"
import { ReconciliationChannel, RunDetails, RunId, RunPage, RunStatus } from "@mall/domain/treasury/Run"
import type { Run, RunChange } from "@mall/domain/treasury/Run"
import { ReconciliationReads } from "@mall/treasury/reconciliation/ReconciliationReads"
import { Effect, Option, Schema, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { csv, printCsv } from "./csv.ts"
import { given, page } from "./flags.ts"
import { fields, json, print, printPage, section, table } from "./Output.ts"
import type { Columns } from "@mall/platform/csv"
import { historySection } from "./historySection.ts"
import { approve, assign, difference, draft, reject, resolve, rules } from "./ReconActs.ts"
import { fees, setFee } from "./ReconFees.ts"
import { ofMerchant, run } from "./ReconRun.ts"
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
  { merchant: ofMerchant, json },
  Effect.fnUntraced(function* ({ json, merchant }) {
    const reads = yield* ReconciliationReads
    const all = yield* reads.channels(Option.getOrUndefined(merchant))
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
        "There is an account at no channel."
      )
    )
  })
).pipe(
  Command.withDescription(
    "List the accounts at channels, the platform's or a merchant's, and whether their bills are compared"
  ),
  Command.withExamples([{ command: "mall recon channels" }]),
  Command.provide(Services.layer)
)

const runColumns: Columns<Run> = {
  id: ({ id }) => id,
  channel: ({ channel }) => channel,
  day: ({ day }) => day,
  status: ({ status }) => status,
  lines: ({ lines }) => lines,
  matched: ({ matched }) => matched,
  "amount differs": ({ counts }) => counts?.amountDiffers,
  "missing here": ({ counts }) => counts?.missingHere,
  "missing there": ({ counts }) => counts?.missingThere,
  duplicate: ({ counts }) => counts?.duplicate,
  "state differs": ({ counts }) => counts?.stateDiffers,
  timing: ({ counts }) => counts?.timing,
  "fee differs": ({ counts }) => counts?.feeDiffers,
  account: ({ account }) => account,
  merchant: ({ merchantId }) => merchantId
}

const runs = Command.make(
  "runs",
  {
    ...page,
    channel,
    merchant: ofMerchant,
    day: ofDay,
    status: Flag.Literals("status", RunStatus.literals).pipe(
      Flag.withDescription("Only of this status"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, channel, day, json, limit, merchant, status }) {
    const reads = yield* ReconciliationReads
    yield* printPage(yield* reads.runs({ limit, ...given({ after, channel, day, merchantId: merchant, status }) }), {
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
    const { account, actor, channel, counts, failure, lines, matched, merchantId, records, sha256, stage, status } = run
    yield* print(
      run,
      { json, schema: RunDetails },
      Effect.gen(function* () {
        yield* fields({
          ...{ id, channel, account, merchant: merchantId, day: run.day, status, stage, why: failure },
          ...{ lines, "records of ours": records, matched, ...counts },
          ...{
            "hash of the bill": sha256,
            who: actor,
            trace: run.traceId,
            tries: run.attempt,
            "next try": run.nextAttemptAt
          },
          ...{ asked: run.askedAt, started: run.startedAt, finished: run.finishedAt }
        })
        yield* section(
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
        yield* historySection<RunChange>(
          { from: ({ fromStatus }) => fromStatus, to: ({ toStatus }) => toStatus, try: ({ attempt }) => attempt },
          run.history
        )
      })
    )
  })
).pipe(
  Command.withDescription("Show a run with its figures, how far it is, and its history; amounts are in minor units"),
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
  found: ({ createdAt }) => createdAt,
  account: ({ account }) => account,
  merchant: ({ merchantId }) => merchantId
}

const differences = Command.make(
  "differences",
  {
    ...page,
    channel,
    merchant: ofMerchant,
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
  Effect.fnUntraced(function* ({ after, channel, class: found, csv, day, json, limit, merchant, status }) {
    const reads = yield* ReconciliationReads
    const filter = given({ channel, class: found, day, merchantId: merchant, status })
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
  { from: day("from", "The first day"), to: day("to", "The last day"), merchant: ofMerchant, csv, json },
  Effect.fnUntraced(function* ({ csv, from, json, merchant, to }) {
    const reads = yield* ReconciliationReads
    const report = yield* reads.report({ from, to, ...given({ merchantId: merchant }) })
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
