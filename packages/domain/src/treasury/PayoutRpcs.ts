import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, RpcStepUp } from "../identity/StepUp.ts"
import { InvalidCursor, pageRequest } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"
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
  accountDecisionErrors,
  accountErrors,
  PayoutAccountNotFound,
  payoutChangeErrors,
  payoutDecisionErrors,
  PayoutNotFound,
  withdrawalErrors
} from "./PayoutError.ts"
import { PayoutId } from "./Payouts.ts"

const accountFilter = { ...pageRequest, status: Schema.optionalKey(PayoutAccountStatus) }
const payoutFilter = { ...pageRequest, status: Schema.optionalKey(PayoutStatus) }
const ofMerchant = { merchantId: Schema.optionalKey(MerchantId) }
const decided = { id: PayoutId, ...PayoutDecision.fields }
const decidedAccount = { id: PayoutAccountId, ...PayoutDecision.fields }

class MerchantReads extends RpcGroup.make(
  Rpc.make("payouts.accounts", { payload: accountFilter, success: PayoutAccountPage, error: InvalidCursor }),
  Rpc.make("payouts.list", { payload: payoutFilter, success: PayoutPage, error: InvalidCursor }),
  Rpc.make("payouts.show", { payload: { id: PayoutId }, success: PayoutDetails, error: PayoutNotFound })
)
  .annotateRpcs(RequiredPermission, "payouts:read")
  .annotateRpcs(Audited, "nothing") {}

/** The caller's shop: where its money goes, and what is on its way. Ids come from the client, so that a repeated call does it once. */
export class PayoutMerchantRpcs extends MerchantReads.merge(
  RpcGroup.make(
    Rpc.make("payouts.addAccount", {
      payload: { id: PayoutAccountId, account: NewPayoutAccount },
      success: PayoutAccountDetails,
      error: Schema.Union([...accountErrors])
    })
      .annotate(Audited, "payout_account.add")
      .annotate(RequiredPermission, "payouts:accounts")
      .annotate(RequiredStepUp, "strong")
      .middleware(RpcStepUp),
    Rpc.make("withdrawals.create", {
      payload: { id: PayoutId, withdrawal: NewWithdrawal },
      success: PayoutDetails,
      error: Schema.Union([...withdrawalErrors])
    })
      .annotate(Audited, "withdrawal.create")
      .annotate(RequiredPermission, "withdrawals:create")
      .annotate(RequiredStepUp, "recent")
      .middleware(RpcStepUp),
    Rpc.make("withdrawals.cancel", {
      payload: decided,
      success: PayoutDetails,
      error: Schema.Union([...payoutChangeErrors])
    })
      .annotate(Audited, "withdrawal.cancel")
      .annotate(RequiredPermission, "withdrawals:create")
  )
).middleware(RpcAuthorization) {}

class AdminReads extends RpcGroup.make(
  Rpc.make("admin.payouts.accounts", {
    payload: { ...accountFilter, ...ofMerchant },
    success: PayoutAccountPage,
    error: InvalidCursor
  }),
  Rpc.make("admin.payouts.account", {
    payload: { id: PayoutAccountId },
    success: PayoutAccountDetails,
    error: PayoutAccountNotFound
  }),
  Rpc.make("admin.payouts.list", {
    payload: { ...payoutFilter, ...ofMerchant },
    success: PayoutPage,
    error: InvalidCursor
  }),
  Rpc.make("admin.payouts.show", { payload: { id: PayoutId }, success: PayoutDetails, error: PayoutNotFound })
).annotateRpcs(Audited, "nothing") {}

class AdminActs extends RpcGroup.make(
  /** Not by who added it. The account of its currency before it ends at once. */
  Rpc.make("admin.payouts.verifyAccount", {
    payload: decidedAccount,
    success: PayoutAccountDetails,
    error: Schema.Union([...accountDecisionErrors])
  })
    .annotate(Audited, "payout_account.verify")
    .annotate(RequiredStepUp, "strong")
    .middleware(RpcStepUp),
  Rpc.make("admin.payouts.rejectAccount", {
    payload: decidedAccount,
    success: PayoutAccountDetails,
    error: Schema.Union([...accountDecisionErrors])
  }).annotate(Audited, "payout_account.reject"),
  Rpc.make("admin.payouts.cancel", {
    payload: decided,
    success: PayoutDetails,
    error: Schema.Union([...payoutChangeErrors])
  }).annotate(Audited, "withdrawal.cancel"),
  /** Asks the bank now. */
  Rpc.make("admin.payouts.query", {
    payload: { id: PayoutId },
    success: PayoutDetails,
    error: Schema.Union([...payoutChangeErrors])
  }).annotate(Audited, "payout.query"),
  /** The merchant's bank sent it back, and said so by letter. */
  Rpc.make("admin.payouts.return", {
    payload: decided,
    success: PayoutDetails,
    error: Schema.Union([...payoutChangeErrors])
  })
    .annotate(Audited, "payout.return")
    .annotate(RequiredStepUp, "strong")
    .middleware(RpcStepUp)
) {}

class Approvals extends RpcGroup.make(
  Rpc.make("admin.payouts.approve", {
    payload: decided,
    success: PayoutDetails,
    error: Schema.Union([...payoutDecisionErrors])
  })
    .annotate(Audited, "payout.approve")
    .annotate(RequiredStepUp, "strong")
    .middleware(RpcStepUp),
  Rpc.make("admin.payouts.reject", {
    payload: decided,
    success: PayoutDetails,
    error: Schema.Union([...payoutDecisionErrors])
  }).annotate(Audited, "payout.reject")
).annotateRpcs(RequiredPermission, "payouts:approve") {}

/** What operators see of pay-outs and do with them. */
export class PayoutAdminRpcs extends AdminReads.merge(AdminActs)
  .annotateRpcs(RequiredPermission, "payouts:administer")
  .merge(Approvals)
  .middleware(RpcAuthorization) {}
