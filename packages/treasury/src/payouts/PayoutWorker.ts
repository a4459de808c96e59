import { payoutAccountCooledOff } from "@mall/domain/treasury/PayoutTopics"
import * as Subscription from "@mall/platform/Subscription"
import * as Sweep from "@mall/platform/Sweep"
import { Effect, Layer } from "effect"
import { BankStatements } from "./BankStatements.ts"
import { PayoutAccounts } from "./PayoutAccounts.ts"
import { PayoutSending } from "./PayoutSending.ts"

/** How many pay-outs go to the bank at once: a file of them is read by people too. */
const batchSize = 50

/** More entries than a part of a statement has, so that a run is one look. */
const statementSize = 10_000

/** What pay-outs do by themselves on a schedule; an operator may run each by its name. */
export const sweeps = Layer.unwrap(
  Effect.map(Effect.all([PayoutSending, BankStatements]), ([{ sweep, watch }, { read }]) =>
    Layer.mergeAll(
      Sweep.layer({ name: "payouts", every: "5 seconds", limit: batchSize, batch: sweep }),
      Sweep.layer({ name: "bank_statements", every: "1 minute", limit: statementSize, batch: () => read }),
      Sweep.layer({ name: "payouts_watch", every: "1 minute", limit: statementSize, batch: () => watch })
    )
  )
)

/** What pay-outs do when a time is over. */
export const subscriptions = Subscription.layer({
  topic: payoutAccountCooledOff,
  subscriber: "treasury",
  handler: ({ accountId }) => PayoutAccounts.use((accounts) => accounts.cooledOff(accountId))
})
