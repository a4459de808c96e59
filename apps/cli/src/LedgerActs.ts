import { AccountCode, LedgerReport } from "@mall/domain/ledger/Account"
import { AccountFreeze, AccountFreezes } from "@mall/domain/ledger/AccountFreezes"
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
import { fields, json, print, table } from "./Output.ts"
import * as Services from "./Services.ts"

const newTransferId = generator(TransferId)
const actor = Effect.map(operator, (name) => `operator:${name}`)
const account = (name: string) => Argument.String(name).pipe(Argument.withSchema(AccountCode))

const Verified = Schema.Struct({ ...LedgerReport.fields, payments: Schema.Int, differences: Schema.Int })

const FrozenOrNot = Schema.Struct({ account: AccountCode, isFrozen: Schema.Boolean })

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
    transferId: Flag.String("transfer-id").pipe(
      Flag.withSchema(TransferId),
      Flag.withDescription(
        "Repeat a transfer whose answer was lost: the same id is never posted twice. A new one when not given"
      ),
      Flag.optional
    ),
    yes,
    json
  },
  Effect.fnUntraced(function* ({ about, amount, from, json, reason, to, transferId, yes }) {
    const ledger = yield* Ledger
    const reads = yield* LedgerReads
    yield* confirm(`Moving ${amount} from ${to} to ${from}`, yes)
    const legs: ReadonlyArray<Leg> = [
      { account: from, side: "debit", amount },
      { account: to, side: "credit", amount }
    ]
    const adjustment = yield* Schema.decodeEffect(NewAdjustment)({
      id: Option.isSome(transferId) ? transferId.value : yield* newTransferId,
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

export const freeze = Command.make(
  "freeze",
  { account: account("account"), reason, json },
  Effect.fnUntraced(function* ({ account, json, reason }) {
    const freezes = yield* AccountFreezes
    const isNew = yield* freezes.freeze(account, { by: yield* actor, reason, violation: null })
    const said = isNew ? `${account} is frozen.` : `${account} was frozen already.`
    yield* print({ account, isFrozen: true }, { json, schema: FrozenOrNot }, Console.log(said))
  })
).pipe(
  Command.withDescription("Refuse what is asked of an account, until it is thawed; what has happened is still posted"),
  Command.withExamples([{ command: 'mall ledger freeze platform:payable:CNY --reason "INC-7"' }]),
  Command.provide(Services.layer)
)

export const thaw = Command.make(
  "thaw",
  { account: account("account"), reason, yes, json },
  Effect.fnUntraced(function* ({ account, json, reason, yes }) {
    const freezes = yield* AccountFreezes
    yield* confirm(`Thawing ${account}, through which money may leave at once,`, yes)
    yield* freezes.thaw(account, { by: yield* actor, reason })
    yield* print({ account, isFrozen: false }, { json, schema: FrozenOrNot }, Console.log(`${account} is thawed.`))
  })
).pipe(
  Command.withDescription(
    "Let an account take movements again, whatever froze it; the same violation does not freeze it again"
  ),
  Command.withExamples([{ command: 'mall ledger thaw platform:payable:CNY --reason "INC-7 is put right" --yes' }]),
  Command.provide(Services.layer)
)

export const freezes = Command.make(
  "freezes",
  { account: account("account"), json },
  Effect.fnUntraced(function* ({ account, json }) {
    const found = yield* AccountFreezes.use((freezes) => freezes.history(account))
    yield* print(
      found,
      { json, schema: Schema.Array(AccountFreeze) },
      table(
        {
          frozen: ({ frozenAt }) => frozenAt,
          by: ({ frozenBy }) => frozenBy,
          why: ({ reason }) => reason,
          violation: ({ violation }) => violation,
          thawed: ({ thawedAt }) => thawedAt,
          "thawed by": ({ thawedBy }) => thawedBy,
          because: ({ thawReason }) => thawReason,
          trace: ({ traceId }) => traceId
        },
        found,
        "It was never frozen."
      )
    )
  })
).pipe(
  Command.withDescription("Show when an account was frozen and thawed, by whom and why"),
  Command.withExamples([{ command: "mall ledger freezes platform:payable:CNY" }]),
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
