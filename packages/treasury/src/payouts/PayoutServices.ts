import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Layer } from "effect"
import { BankStatements } from "./BankStatements.ts"
import { Banks } from "./bank/Banks.ts"
import { PayoutAccountRepo } from "./PayoutAccountRepo.ts"
import { PayoutAccounts } from "./PayoutAccounts.ts"
import { PayoutBooks } from "./PayoutBooks.ts"
import { PayoutDecisions } from "./PayoutDecisions.ts"
import { PayoutOutcomes } from "./PayoutOutcomes.ts"
import { PayoutReads } from "./PayoutReads.ts"
import { PayoutRepo } from "./PayoutRepo.ts"
import { PayoutsConfig } from "./PayoutsConfig.ts"
import { PayoutSending } from "./PayoutSending.ts"
import { sealedAccounts } from "./sealedAccounts.ts"
import { payoutsLayer, Withdrawals } from "./Withdrawals.ts"

/** The tables of pay-outs that hold personal data. */
export const personalDataTables = [sealedAccounts]

/** All services of pay-outs and the port `Payouts`. Needs `SqlClient`, `Outbox` and the ports `Journal` and `Transfers`. */
export const layer = Layer.mergeAll(
  PayoutAccounts.layerNoDeps,
  PayoutDecisions.layerNoDeps,
  PayoutReads.layerNoDeps,
  Layer.mergeAll(BankStatements.layerNoDeps, PayoutSending.layerNoDeps).pipe(Layer.provide(PayoutOutcomes.layerNoDeps)),
  payoutsLayer.pipe(Layer.provideMerge(Withdrawals.layerNoDeps))
).pipe(
  Layer.provide(PayoutBooks.layerNoDeps),
  Layer.provide(Layer.mergeAll(PayoutAccountRepo.layer, PayoutRepo.layer, PersonalDataKeys.layer)),
  Layer.provide(Banks.layer),
  Layer.provide(PayoutsConfig.layer)
)
