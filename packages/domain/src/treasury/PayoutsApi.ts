import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, StepUp } from "../identity/StepUp.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, pageQuery } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { NewWithdrawal, PayoutDetails, PayoutPage, PayoutStatus } from "./Payout.ts"
import {
  NewPayoutAccount,
  PayoutAccountDetails,
  PayoutAccountId,
  PayoutAccountPage,
  PayoutAccountStatus,
  PayoutDecision
} from "./PayoutAccount.ts"
import {
  accountErrors,
  PayoutAccountNotFound,
  payoutChangeErrors,
  PayoutNotFound,
  withdrawalErrors
} from "./PayoutError.ts"
import { PayoutId } from "./Payouts.ts"

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })

/** Where merchants' money is paid out to: a merchant's own accounts; for admins those of all. */
export class PayoutAccountsApiGroup extends HttpApiGroup.make("payoutAccounts")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: { ...pageQuery, status: Schema.optionalKey(PayoutAccountStatus) },
      success: PayoutAccountPage,
      error: InvalidCursor
    })
      .annotate(RequiredPermission, "payouts:read")
      .annotateMerge(describe("List pay-out accounts", "Newest first; of a number only how it ends.")),
    HttpApiEndpoint.get("show", "/:id", {
      params: { id: PayoutAccountId },
      success: PayoutAccountDetails,
      error: PayoutAccountNotFound
    })
      .annotate(RequiredPermission, "payouts:read")
      .annotateMerge(describe("Read a pay-out account", "With its history.")),
    HttpApiEndpoint.post("add", "/", {
      payload: NewPayoutAccount,
      success: PayoutAccountDetails.pipe(HttpApiSchema.status(201)),
      error: accountErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "strong")
      .middleware(StepUp)
      .annotate(RequiredPermission, "payouts:accounts")
      .annotate(Audited, "payout_account.add")
      .annotateMerge(
        describe(
          "Add a pay-out account",
          "Once somebody of the mall has verified it, it takes the place of the account of its currency, and after a time of " +
            "cooling off money is paid to it."
        )
      )
  )
  .middleware(Authorization)
  .prefix("/api/v1/payout-accounts")
  .annotateMerge(OpenApi.annotations({ title: "Pay-out accounts", description: "Where merchants' money goes" })) {}

const ofPayout = { id: PayoutId }

/** Money that leaves for merchants' banks: a merchant's own; for admins that of all. */
export class WithdrawalsApiGroup extends HttpApiGroup.make("withdrawals")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: { ...pageQuery, status: Schema.optionalKey(PayoutStatus) },
      success: PayoutPage,
      error: InvalidCursor
    })
      .annotate(RequiredPermission, "payouts:read")
      .annotateMerge(describe("List pay-outs", "Those asked for and those of settlements, newest first.")),
    HttpApiEndpoint.get("show", "/:id", { params: ofPayout, success: PayoutDetails, error: PayoutNotFound })
      .annotate(RequiredPermission, "payouts:read")
      .annotateMerge(describe("Read a pay-out", "With its history.")),
    HttpApiEndpoint.post("create", "/", {
      payload: NewWithdrawal,
      success: PayoutDetails.pipe(HttpApiSchema.status(201)),
      error: withdrawalErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotate(RequiredPermission, "withdrawals:create")
      .annotate(Audited, "withdrawal.create")
      .annotateMerge(
        describe(
          "Withdraw",
          "Settled money to the account of its currency; it is held at once. Above a threshold two people of the mall approve."
        )
      ),
    HttpApiEndpoint.post("cancel", "/:id/cancel", {
      params: ofPayout,
      payload: PayoutDecision,
      success: PayoutDetails,
      error: payoutChangeErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "withdrawals:create")
      .annotate(Audited, "withdrawal.cancel")
      .annotateMerge(describe("Cancel a withdrawal", "While the bank has not been told."))
  )
  .middleware(Authorization)
  .prefix("/api/v1/withdrawals")
  .annotateMerge(OpenApi.annotations({ title: "Withdrawals", description: "Money that goes to merchants' banks" })) {}
