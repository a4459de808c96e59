import { Account, AccountCode, AccountKind, AccountPage, TrialBalance } from "@mall/domain/ledger/Account"
import { Purpose, StatementPage, TransferDetails, TransferId, TransferPage } from "@mall/domain/ledger/Transfer"
import type { Page } from "@mall/domain/kernel/Page"
import { LedgerReads } from "@mall/ledger/LedgerReads"
import { Effect, Option, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { csv, printCsv } from "./csv.ts"
import { given, page, Time } from "./flags.ts"
import { adjust, backfill, close, freeze, freezes, thaw, verify } from "./LedgerActs.ts"
import { fields, json, print, printPage, section, table } from "./Output.ts"
import type { Columns } from "@mall/platform/csv"
import * as Services from "./Services.ts"

const aCode = "platform:payable:CNY"

const code = Argument.String("account").pipe(
  Argument.withSchema(AccountCode),
  Argument.withDescription(`The account, such as ${aCode} or platform:clearing:wechatpay:CNY`)
)
const time = (name: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withSchema(Time),
    Flag.withDescription(`${description}, such as 2026-11-21T00:00:00Z`),
    Flag.optional
  )
const at = time("at", "As it stood then")

/** Every item of a list, page after page. */
const allOf = <A, E, R>(next: (after: string | undefined) => Effect.Effect<Page<A>, E, R>) =>
  Stream.paginate<string | undefined, A, E, R>(undefined, (after) =>
    Effect.map(next(after), ({ data, nextCursor }) => [
      data,
      nextCursor === null ? Option.none() : Option.some(nextCursor)
    ])
  )

const accountColumns: Columns<Account> = {
  account: ({ code }) => code,
  balance: ({ balance }) => balance,
  currency: ({ currency }) => currency,
  "debits pending": ({ debitsPending }) => debitsPending,
  "debits posted": ({ debitsPosted }) => debitsPosted,
  "credits pending": ({ creditsPending }) => creditsPending,
  "credits posted": ({ creditsPosted }) => creditsPosted
}

const accounts = Command.make(
  "accounts",
  {
    ...page,
    kind: Flag.Literals("kind", AccountKind.literals).pipe(Flag.withDescription("Only of this kind"), Flag.optional),
    at,
    csv,
    json
  },
  Effect.fnUntraced(function* ({ after, at, csv, json, kind, limit }) {
    const reads = yield* LedgerReads
    const filter = given({ at, kind })
    if (csv) {
      return yield* printCsv(
        accountColumns,
        allOf((after) => reads.accounts("all", { ...filter, after, limit: 100 }))
      )
    }
    yield* printPage(yield* reads.accounts("all", { ...filter, limit, ...given({ after }) }), {
      json,
      schema: AccountPage,
      columns: accountColumns,
      empty: "There are no such accounts."
    })
  })
).pipe(
  Command.withDescription("List accounts, newest first; amounts are in minor units"),
  Command.withExamples([
    { command: "mall ledger accounts --kind payable", description: "What is owed to merchants" },
    {
      command: "mall ledger accounts --at 2026-11-01T00:00:00Z --csv",
      description: "All of them at the end of a month"
    }
  ]),
  Command.provide(Services.layer)
)

const account = Command.make(
  "account",
  { code, at, json },
  Effect.fnUntraced(function* ({ at, code, json }) {
    const reads = yield* LedgerReads
    const account = yield* reads.account("all", code, Option.getOrUndefined(at))
    const { closedAt, creditsPending, creditsPosted, debitsPending, debitsPosted } = account
    yield* print(
      account,
      { json, schema: Account },
      fields({
        id: account.id,
        account: account.code,
        balance: `${account.balance} ${account.currency}`,
        "normal side": account.normalSide,
        "may be overdrawn": !account.isGuarded,
        ...{ "debits pending": debitsPending, "debits posted": debitsPosted },
        ...{ "credits pending": creditsPending, "credits posted": creditsPosted },
        entries: account.version,
        opened: account.createdAt,
        closed: closedAt,
        frozen: account.frozenAt
      })
    )
  })
).pipe(
  Command.withDescription("Show an account"),
  Command.withExamples([{ command: `mall ledger account ${aCode} --at 2026-11-01T00:00:00Z` }]),
  Command.provide(Services.layer)
)

const statement = Command.make(
  "statement",
  { code, ...page, from: time("from", "Since then"), to: time("to", "Until then, not included"), csv, json },
  Effect.fnUntraced(function* ({ after, code, csv, from, json, limit, to }) {
    const reads = yield* LedgerReads
    const filter = given({ from, to })
    const next = (after: string | undefined) => reads.statement("all", code, { ...filter, after, limit: 100 })
    const columns: Columns<(typeof StatementPage.Type)["data"][number]> = {
      when: ({ at }) => at,
      transfer: ({ transferId }) => transferId,
      what: ({ purpose, type }) => (type === "single" ? purpose : `${purpose} ${type}`),
      about: ({ subject }) => subject,
      debit: ({ debitsPosted }) => debitsPosted,
      credit: ({ creditsPosted }) => creditsPosted,
      "debit pending": ({ debitsPending }) => debitsPending,
      "credit pending": ({ creditsPending }) => creditsPending,
      balance: ({ balance }) => balance,
      why: ({ reason }) => reason
    }
    if (csv) return yield* printCsv(columns, allOf(next))
    yield* printPage(yield* reads.statement("all", code, { ...filter, limit, ...given({ after }) }), {
      json,
      schema: StatementPage,
      columns,
      empty: "Nothing was posted."
    })
  })
).pipe(
  Command.withDescription("Show what was posted to an account, oldest first, with the balance after each line"),
  Command.withExamples([
    { command: `mall ledger statement ${aCode} --from 2026-11-01T00:00:00Z --csv > november.csv` }
  ]),
  Command.provide(Services.layer)
)

const transfers = Command.make(
  "transfers",
  {
    ...page,
    about: Flag.String("about").pipe(Flag.withDescription("Only of this payment or dispute"), Flag.optional),
    purpose: Flag.Literals("purpose", Purpose.literals).pipe(Flag.withDescription("Only of this kind"), Flag.optional),
    json
  },
  Effect.fnUntraced(function* ({ about, after, json, limit, purpose }) {
    const reads = yield* LedgerReads
    yield* printPage(yield* reads.transfers({ limit, ...given({ after, purpose, subject: about }) }), {
      json,
      schema: TransferPage,
      columns: {
        id: ({ id }) => id,
        type: ({ type }) => type,
        purpose: ({ purpose }) => purpose,
        about: ({ subject }) => subject,
        who: ({ actor }) => actor,
        why: ({ reason }) => reason,
        when: ({ at }) => at
      },
      empty: "There are no such transfers."
    })
  })
).pipe(
  Command.withDescription("List transfers, newest first"),
  Command.withExamples([
    { command: "mall ledger transfers --purpose adjustment", description: "What people did by hand" }
  ]),
  Command.provide(Services.layer)
)

const transfer = Command.make(
  "transfer",
  { id: Argument.String("transfer").pipe(Argument.withSchema(TransferId)), json },
  Effect.fnUntraced(function* ({ id, json }) {
    const reads = yield* LedgerReads
    const details = yield* reads.transfer(id)
    const { entries, outcome, sequence, transfer } = details
    yield* print(
      details,
      { json, schema: TransferDetails },
      Effect.andThen(
        fields({
          ...{ id, type: transfer.type, purpose: transfer.purpose, about: transfer.subject, outcome },
          "ends by itself": transfer.expiresAt,
          ...{ who: transfer.actor, why: transfer.reason, trace: transfer.traceId, when: transfer.at },
          "place in the chain": sequence ?? "not sealed yet"
        }),
        section(
          "Entries",
          {
            account: ({ account }) => account,
            debit: ({ debitsPosted }) => debitsPosted,
            credit: ({ creditsPosted }) => creditsPosted,
            "debit pending": ({ debitsPending }) => debitsPending,
            "credit pending": ({ creditsPending }) => creditsPending
          },
          entries
        )
      )
    )
  })
).pipe(
  Command.withDescription("Show a transfer with its entries"),
  Command.withExamples([{ command: "mall ledger transfer 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }]),
  Command.provide(Services.layer)
)

const trialBalance = Command.make(
  "trial-balance",
  { at, csv, json },
  Effect.fnUntraced(function* ({ at, csv, json }) {
    const reads = yield* LedgerReads
    const balance = yield* reads.trialBalance("all", Option.getOrUndefined(at))
    const columns: Columns<TrialBalance["lines"][number]> = {
      kind: ({ kind }) => kind,
      currency: ({ currency }) => currency,
      debit: ({ debits }) => debits,
      credit: ({ credits }) => credits
    }
    if (csv) return yield* printCsv(columns, Stream.fromIterable(balance.lines))
    yield* print(
      balance,
      { json, schema: TrialBalance },
      Effect.andThen(
        table(columns, balance.lines, "Nothing was posted."),
        section(
          "Sums",
          { currency: ({ currency }) => currency, debit: ({ debits }) => debits, credit: ({ credits }) => credits },
          balance.totals
        )
      )
    )
  })
).pipe(
  Command.withDescription("Show both sides of the books by kind of account and currency; their sums are equal"),
  Command.withExamples([{ command: "mall ledger trial-balance --at 2026-11-01T00:00:00Z" }]),
  Command.provide(Services.layer)
)

export const LedgerCommand = Command.make("ledger").pipe(
  Command.withSubcommands([
    accounts,
    account,
    statement,
    transfers,
    transfer,
    trialBalance,
    verify,
    adjust,
    close,
    freeze,
    thaw,
    freezes,
    backfill
  ])
)
