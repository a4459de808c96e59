import type { Columns } from "@mall/platform/csv"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Payout, PayoutDetails, PayoutPage, PayoutStatus } from "@mall/domain/treasury/Payout"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import { PayoutDecisions } from "@mall/treasury/payouts/PayoutDecisions"
import { PayoutReads } from "@mall/treasury/payouts/PayoutReads"
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, page, reason } from "./flags.ts"
import { historySection } from "./historySection.ts"
import { operator } from "./Operator.ts"
import { fields, json, money, print, printPage } from "./Output.ts"
import * as Services from "./Services.ts"

const actor = Effect.map(operator, (name) => `operator:${name}`)
const anId = "0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77"
const id = Argument.String("payout").pipe(Argument.withSchema(PayoutId))

const columns: Columns<Payout> = {
  id: ({ id }) => id,
  merchant: ({ merchantId }) => merchantId,
  kind: ({ kind }) => kind,
  amount: (payout) => money(payout.money),
  status: ({ status }) => status,
  "asked by": ({ requestedBy }) => requestedBy,
  asked: ({ createdAt }) => createdAt
}

export const list = Command.make(
  "list",
  {
    ...page,
    merchant: Flag.String("merchant").pipe(
      Flag.withSchema(MerchantId),
      Flag.withDescription("Only of this merchant"),
      Flag.optional
    ),
    status: Flag.Literals("status", PayoutStatus.literals).pipe(
      Flag.withDescription("Only of this status"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, merchant, status }) {
    const reads = yield* PayoutReads
    yield* printPage(yield* reads.payouts("all", { limit, ...given({ after, merchantId: merchant, status }) }), {
      ...{ json, schema: PayoutPage, columns, empty: "There are no such pay-outs." }
    })
  })
).pipe(
  Command.withDescription("List pay-outs, those asked for and those of settlements, newest first"),
  Command.withExamples([{ command: "mall withdrawals list --status awaiting_approval" }]),
  Command.provide(Services.layer)
)

export const printPayout = (details: PayoutDetails, asJson: boolean) => {
  const { history, payout } = details
  return print(
    details,
    { json: asJson, schema: PayoutDetails },
    Effect.andThen(
      fields({
        ...{ id: payout.id, merchant: payout.merchantId, account: payout.accountId, kind: payout.kind },
        ...{ pays: payout.subject, amount: money(payout.money), status: payout.status, way: payout.channel },
        ...{ "bank's number": payout.bankReference, why: payout.failure, "asked by": payout.requestedBy },
        approvals: `${payout.approvedBy.length} of ${payout.approvalsNeeded} ${payout.approvedBy.join(", ")}`.trim()
      }),
      historySection({ from: ({ fromStatus }) => fromStatus, to: ({ toStatus }) => toStatus }, history)
    )
  )
}

const show = Command.make(
  "show",
  { id, json },
  Effect.fnUntraced(function* ({ id, json }) {
    const reads = yield* PayoutReads
    yield* printPayout(yield* reads.payout("all", id), json)
  })
).pipe(
  Command.withDescription("Show a pay-out and its history"),
  Command.withExamples([{ command: `mall withdrawals show ${anId}` }]),
  Command.provide(Services.layer)
)

type Acts = PayoutDecisions["Service"]

const act = <const Name extends string, E>(
  name: Name,
  {
    description,
    does,
    example,
    how
  }: {
    readonly description: string
    readonly does: string
    readonly example: string
    readonly how: (acts: Acts, id: PayoutId, reason: string, actor: string) => Effect.Effect<PayoutDetails, E>
  }
) =>
  Command.make(
    name,
    { id, reason, yes, json },
    Effect.fnUntraced(function* ({ id, json, reason, yes }) {
      const acts = yield* PayoutDecisions
      yield* confirm(`${does} ${id}`, yes)
      yield* printPayout(yield* how(acts, id, reason, yield* actor), json)
    })
  ).pipe(
    Command.withDescription(description),
    Command.withExamples([{ command: `mall withdrawals ${name} ${anId} --reason "${example}" --yes` }]),
    Command.provide(Services.layer)
  )

const approve = act("approve", {
  description: "Approve a pay-out that somebody else asked for; the second approval sends it off",
  ...{ does: "Approving the pay-out", example: "seen the invoice" },
  how: (acts, id, reason, actor) => acts.approve(id, reason, actor)
})
const reject = act("reject", {
  description: "Reject a pay-out; its money is the merchant's again",
  ...{ does: "Rejecting the pay-out", example: "the merchant did not ask" },
  how: (acts, id, reason, actor) => acts.reject(id, reason, actor)
})
const cancel = act("cancel", {
  description: "Cancel a pay-out that the bank has not been told of",
  ...{ does: "Cancelling the pay-out", example: "the merchant changed their mind" },
  how: (acts, id, reason, actor) => acts.cancel("all", id, reason, actor)
})
const takeBack = act("return", {
  description: "Say that a pay-out came back, where the bank told so in another way than its statement",
  ...{ does: "Taking back the pay-out", example: "letter of the bank: account closed" },
  how: (acts, id, reason, actor) => acts.takeBack(id, reason, actor)
})

export const WithdrawalsCommand = Command.make("withdrawals").pipe(
  Command.withSubcommands([list, show, approve, reject, cancel, takeBack])
)
