import { currencies } from "@mall/domain/kernel/Currency"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import {
  HeldReservePage,
  SettlementDetails,
  SettlementId,
  SettlementPage,
  SettlementStatus
} from "@mall/domain/treasury/Settlement"
import type { HeldReserve, Settlement } from "@mall/domain/treasury/Settlement"
import { SettlementTerms } from "@mall/domain/treasury/SettlementTerms"
import type { SettlementCycle } from "@mall/domain/treasury/SettlementTerms"
import type { Columns } from "@mall/platform/csv"
import { SettlementReads } from "@mall/treasury/settlement/SettlementReads"
import { Terms } from "@mall/treasury/settlement/Terms"
import { Console, Effect, Schema, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { given, page } from "./flags.ts"
import { fields, json, print, printPage, section, table } from "./Output.ts"
import * as Services from "./Services.ts"
import { calendar, retry, run, setTerms } from "./SettlementActs.ts"

const anId = "0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77"
const id = Argument.String("settlement").pipe(Argument.withSchema(SettlementId))
const owner = {
  merchant: Flag.String("merchant").pipe(
    Flag.withSchema(MerchantId),
    Flag.withDescription("Only of this merchant"),
    Flag.optional
  ),
  currency: Flag.Literals("currency", currencies).pipe(Flag.withDescription("Only of this currency"), Flag.optional)
}

const cycleText = (cycle: SettlementCycle) => {
  switch (cycle.type) {
    case "daily":
      return `T+${cycle.businessDays}`
    case "weekly":
      return `weekly, on weekday ${cycle.weekday}`
    case "monthly":
      return `monthly, on day ${cycle.day}`
  }
}

const terms = Command.make(
  "terms",
  { ...owner, json },
  Effect.fnUntraced(function* ({ currency, json, merchant }) {
    const terms = yield* Terms
    const all = yield* terms.list("all", given({ currency, merchantId: merchant }))
    yield* print(
      all,
      { json, schema: Schema.Array(SettlementTerms) },
      table<SettlementTerms>(
        {
          merchant: ({ merchantId }) => merchantId ?? "default",
          currency: ({ currency }) => currency,
          cycle: ({ cycle }) => cycleText(cycle),
          zone: ({ timeZone }) => timeZone,
          calendar: ({ calendar }) => calendar,
          minimum: ({ minimum }) => minimum,
          "paid out": ({ isPaidOut }) => isPaidOut,
          "reserve, bp": ({ reserveBasisPoints }) => reserveBasisPoints,
          "reserve, days": ({ reserveDays }) => reserveDays,
          from: ({ effectiveFrom }) => effectiveFrom,
          who: ({ actor }) => actor
        },
        all,
        "No terms were set: everything is settled T+1 in UTC, without a reserve, and not paid out by itself."
      )
    )
  })
).pipe(
  Command.withDescription("List the terms that were, are and will be in force; amounts are in minor units"),
  Command.withExamples([{ command: "mall settlements terms --currency CNY" }]),
  Command.provide(Services.layer)
)

const columns: Columns<Settlement> = {
  id: ({ id }) => id,
  merchant: ({ merchantId }) => merchantId,
  currency: ({ currency }) => currency,
  "cut-off": ({ cutOff }) => cutOff,
  status: ({ status }) => status,
  net: ({ net }) => net,
  settled: ({ settled }) => settled,
  reserve: ({ reserve }) => reserve,
  carried: ({ carriedOut }) => carriedOut
}

const list = Command.make(
  "list",
  {
    ...page,
    ...owner,
    status: Flag.Literals("status", SettlementStatus.literals).pipe(
      Flag.withDescription("Only of this status"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, currency, json, limit, merchant, status }) {
    const reads = yield* SettlementReads
    const filter = given({ after, currency, merchantId: merchant, status })
    yield* printPage(yield* reads.list("all", { limit, ...filter }), {
      json,
      schema: SettlementPage,
      columns,
      empty: "There are no such settlements."
    })
  })
).pipe(
  Command.withDescription("List settlements, newest first; amounts are in minor units"),
  Command.withExamples([{ command: "mall settlements list --status failed" }]),
  Command.provide(Services.layer)
)

const show = Command.make(
  "show",
  { id, json },
  Effect.fnUntraced(function* ({ id, json }) {
    const reads = yield* SettlementReads
    const details = yield* reads.show("all", id)
    const { history, settlement } = details
    yield* print(
      details,
      { json, schema: SettlementDetails },
      Effect.gen(function* () {
        const { lines, ...rest } = settlement
        yield* fields({ ...rest })
        yield* section(
          "Statement",
          {
            purpose: ({ purpose }) => purpose,
            items: ({ items }) => items,
            added: ({ added }) => added,
            taken: ({ taken }) => taken
          },
          lines ?? []
        )
        yield* section(
          "History",
          {
            at: ({ at }) => at,
            from: ({ from }) => from,
            to: ({ to }) => to,
            who: ({ actor }) => actor,
            why: ({ reason }) => reason,
            trace: ({ traceId }) => traceId
          },
          history
        )
      })
    )
  })
).pipe(
  Command.withDescription("Show a settlement with its sums and its history; amounts are in minor units"),
  Command.withExamples([{ command: `mall settlements show ${anId}` }]),
  Command.provide(Services.layer)
)

const statement = Command.make(
  "statement",
  { id },
  Effect.fnUntraced(function* ({ id }) {
    const reads = yield* SettlementReads
    yield* Stream.runForEach(yield* reads.statement("all", id), (line) => Console.log(line.trimEnd()))
  })
).pipe(
  Command.withDescription("Print all that a settlement settles as CSV, safe in a spreadsheet"),
  Command.withExamples([{ command: `mall settlements statement ${anId} > november.csv` }]),
  Command.provide(Services.layer)
)

const reserveColumns: Columns<HeldReserve> = {
  settlement: ({ settlementId }) => settlementId,
  merchant: ({ merchantId }) => merchantId,
  amount: ({ amount }) => amount,
  currency: ({ currency }) => currency,
  "until then": ({ releaseAt }) => releaseAt,
  released: ({ releasedAt }) => releasedAt
}

const reserves = Command.make(
  "reserves",
  { ...page, ...owner, json },
  Effect.fnUntraced(function* ({ after, currency, json, limit, merchant }) {
    const reads = yield* SettlementReads
    const filter = given({ after, currency, merchantId: merchant })
    yield* printPage(yield* reads.reserves("all", { limit, ...filter }), {
      json,
      schema: HeldReservePage,
      columns: reserveColumns,
      empty: "Nothing is held back."
    })
  })
).pipe(
  Command.withDescription("List what is and was held back of merchants, newest first"),
  Command.withExamples([{ command: "mall settlements reserves --currency CNY" }]),
  Command.provide(Services.layer)
)

export const SettlementsCommand = Command.make("settlements").pipe(
  Command.withSubcommands([list, show, statement, run, retry, terms, setTerms, calendar, reserves])
)
