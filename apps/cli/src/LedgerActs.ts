import { AccountCode, LedgerReport } from "@mall/domain/ledger/Account"
import { Leg, NewAdjustment, PositiveAmount, TransferDetails, TransferId } from "@mall/domain/ledger/Transfer"
import { generator } from "@mall/domain/kernel/Id"
import { HashChain } from "@mall/ledger/HashChain"
import { Ledger } from "@mall/ledger/Ledger"
import { LedgerReads } from "@mall/ledger/LedgerReads"
import { PaymentBooks } from "@mall/payments/books/PaymentBooks"
import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { reason } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, print } from "./Output.ts"
import * as Services from "./Services.ts"

const newTransferId = generator(TransferId)
const actor = Effect.map(operator, (name) => `operator:${name}`)
const account = (name: string) => Argument.String(name).pipe(Argument.withSchema(AccountCode))

const Verified = Schema.Struct({ ...LedgerReport.fields, payments: Schema.Int, differences: Schema.Int })

class BooksUnsound extends Schema.TaggedError<BooksUnsound>()("BooksUnsound", { fault: Schema.String }) {
  override get message() {
    return `The books are not sound: ${this.fault}`
  }
}

export const verify = Command.make(
  "verify",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const chain = yield* HashChain
    const books = yield* PaymentBooks
    const report = yield* chain.verify
    const { differences, first, payments } = yield* books.verify
    const [worst] = first
    const fault =
      report.fault ??
      (worst === undefined
        ? null
        : `payment ${worst.paymentId} holds ${worst.held}, the ledger says ${worst.booked ?? "nothing"}`)
    const result = { ...report, fault, payments, differences }
    yield* print(
      result,
      { json, schema: Verified },
      fields({
        "transfers sealed": report.sealed,
        "last hash": report.head,
        "balances recomputed": report.shards,
        "payments compared": payments,
        "payments that differ": differences
      })
    )
    if (fault !== null) return yield* new BooksUnsound({ fault })
  })
).pipe(
  Command.withDescription(
    "Walk the hash chain, recompute every balance and compare every payment with the books; names the first fault and ends with 1"
  ),
  Command.withExamples([
    {
      command: "mall ledger verify",
      description: "Keep the last hash elsewhere: it proves that what is before it stays"
    }
  ]),
  Command.provide(Services.layer)
)

export const adjust = Command.make(
  "adjust",
  {
    from: account("debit").pipe(Argument.withDescription("The account that is debited")),
    to: account("credit").pipe(Argument.withDescription("The account that is credited")),
    amount: Argument.Int("amount").pipe(
      Argument.withSchema(PositiveAmount),
      Argument.withDescription("In minor units")
    ),
    reason,
    about: Flag.String("about").pipe(Flag.withDescription("The payment or dispute that it concerns"), Flag.optional),
    yes,
    json
  },
  Effect.fnUntraced(function* ({ about, amount, from, json, reason, to, yes }) {
    const ledger = yield* Ledger
    const reads = yield* LedgerReads
    yield* confirm(`Moving ${amount} from ${to} to ${from}`, yes)
    const legs: ReadonlyArray<Leg> = [
      { account: from, side: "debit", amount },
      { account: to, side: "credit", amount }
    ]
    const adjustment = yield* Schema.decodeEffect(NewAdjustment)({
      id: yield* newTransferId,
      legs,
      reason,
      ...(Option.isSome(about) ? { subject: about.value } : {})
    })
    yield* ledger.adjust(adjustment, yield* actor)
    const details = yield* reads.transfer(adjustment.id)
    yield* print(details, { json, schema: TransferDetails }, Console.log(`Posted as transfer ${adjustment.id}.`))
  })
).pipe(
  Command.withDescription(
    "Post a transfer by hand, to put the books right; what was posted stays, a correction is another one"
  ),
  Command.withExamples([
    {
      command: 'mall ledger adjust platform:adjustments:CNY platform:payable:CNY 100 --reason "bank fee of 3 May" --yes'
    }
  ]),
  Command.provide(Services.layer)
)

export const close = Command.make(
  "close",
  { account: account("account"), reason, yes },
  Effect.fnUntraced(function* ({ account, reason, yes }) {
    const ledger = yield* Ledger
    yield* confirm(`Closing ${account}`, yes)
    yield* ledger.close(account, yield* actor, reason)
    yield* Console.log(`${account} is closed.`)
  })
).pipe(
  Command.withDescription("Close an empty account; only what has happened is posted to it from then on"),
  Command.withExamples([{ command: 'mall ledger close platform:wallet:b7:CNY --reason "the buyer left" --yes' }]),
  Command.provide(Services.layer)
)

const Backfilled = Schema.Struct({ payments: Schema.Int })

export const backfill = Command.make(
  "backfill",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const books = yield* PaymentBooks
    const result = { payments: yield* books.backfill(yield* actor) }
    yield* print(result, { json, schema: Backfilled }, Console.log(`${result.payments} payments were posted.`))
  })
).pipe(
  Command.withDescription("Post the payments of before there was a ledger; the same again changes nothing"),
  Command.withExamples([{ command: "mall ledger backfill" }]),
  Command.provide(Services.layer)
)
