import { MerchantId } from "@mall/domain/merchants/Merchant"
import {
  PayoutAccountDetails,
  PayoutAccountId,
  PayoutAccountPage,
  PayoutAccountStatus
} from "@mall/domain/treasury/PayoutAccount"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import { PayoutAccounts } from "@mall/treasury/payouts/PayoutAccounts"
import { PayoutReads } from "@mall/treasury/payouts/PayoutReads"
import { PayoutSending } from "@mall/treasury/payouts/PayoutSending"
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, page, reason } from "./flags.ts"
import { historySection } from "./historySection.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, printPage } from "./Output.ts"
import * as Services from "./Services.ts"
import { list, printPayout } from "./WithdrawalsCommand.ts"

const actor = Effect.map(operator, (name) => `operator:${name}`)
const anId = "0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77"

const accounts = Command.make(
  "accounts",
  {
    ...page,
    merchant: Flag.String("merchant").pipe(
      Flag.withSchema(MerchantId),
      Flag.withDescription("Only of this merchant"),
      Flag.optional
    ),
    status: Flag.Literals("status", PayoutAccountStatus.literals).pipe(
      Flag.withDescription("Only of this status"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, merchant, status }) {
    const reads = yield* PayoutReads
    yield* printPage(yield* reads.accounts("all", { limit, ...given({ after, merchantId: merchant, status }) }), {
      json,
      schema: PayoutAccountPage,
      columns: {
        id: ({ id }) => id,
        merchant: ({ merchantId }) => merchantId,
        currency: ({ currency }) => currency,
        holder: ({ holder }) => holder,
        number: ({ maskedNumber }) => maskedNumber,
        status: ({ status }) => status,
        "usable from": ({ usableFrom }) => usableFrom
      },
      empty: "There are no such accounts."
    })
  })
).pipe(
  Command.withDescription("List merchants' bank accounts, newest first; of a number only how it ends"),
  Command.withExamples([{ command: "mall payouts accounts --status unverified" }]),
  Command.provide(Services.layer)
)

const verify = Command.make(
  "verify",
  {
    id: Argument.String("account").pipe(Argument.withSchema(PayoutAccountId)),
    isRejected: Flag.Boolean("reject").pipe(
      Flag.withDescription("Reject it instead: no money ever goes there"),
      Flag.withDefault(false)
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ id, isRejected, json, reason, yes }) {
    const all = yield* PayoutAccounts
    yield* confirm(`${isRejected ? "Rejecting" : "Verifying"} the account ${id}`, yes)
    const decided = yield* isRejected ? all.reject(id, reason, yield* actor) : all.verify(id, reason, yield* actor)
    const { account, history } = decided
    yield* print(
      decided,
      { json, schema: PayoutAccountDetails },
      Effect.andThen(
        fields({
          ...{ id, merchant: account.merchantId, currency: account.currency, country: account.country },
          ...{ holder: account.holder, number: account.maskedNumber, bank: account.bankCode ?? account.bic },
          ...{ status: account.status, "usable from": account.usableFrom }
        }),
        historySection({ from: ({ fromStatus }) => fromStatus, to: ({ toStatus }) => toStatus }, history)
      )
    )
  })
).pipe(
  Command.withDescription("Verify an account that somebody else added; money goes there after a time of cooling off"),
  Command.withExamples([{ command: `mall payouts verify ${anId} --reason "seen the bank's letter" --yes` }]),
  Command.provide(Services.layer)
)

const query = Command.make(
  "query",
  { id: Argument.String("payout").pipe(Argument.withSchema(PayoutId)), json },
  Effect.fnUntraced(function* ({ id, json }) {
    const sending = yield* PayoutSending
    yield* printPayout(yield* sending.query(id), json)
  })
).pipe(
  Command.withDescription("Ask the bank now what became of a pay-out"),
  Command.withExamples([{ command: `mall payouts query ${anId}` }]),
  Command.provide(Services.layer)
)

export const PayoutsCommand = Command.make("payouts").pipe(Command.withSubcommands([accounts, verify, list, query]))
