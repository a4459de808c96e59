import type { Posting } from "@mall/domain/ledger/Journal"
import { fee, feeReturn } from "@mall/domain/ledger/postings"
import type { Currency } from "@mall/domain/kernel/Currency"
import type { DisputeCase, DisputeFeeMovement } from "@mall/domain/merchants/FeeSchedule"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { DisputeId } from "@mall/domain/payments/Dispute"
import type { DisputeStatus } from "@mall/domain/payments/DisputeLifecycle"
import type { DisputeNews } from "../disputes/DisputeStore.ts"
import { variantOf } from "./transferIds.ts"

const stands: Readonly<Record<DisputeStatus, DisputeCase["stand"]>> = {
  warning_needs_response: "none",
  warning_under_review: "none",
  warning_closed: "none",
  prevented: "none",
  needs_response: "open",
  under_review: "open",
  won: "won",
  lost: "lost",
  accepted: "lost"
}

interface Disputed {
  readonly id: DisputeId
  readonly merchantId: MerchantId | null
  readonly currency: Currency
  readonly status: DisputeStatus
  readonly createdAt: Date
}

/** Nothing where the payment is the mall's own. */
export const disputeCaseOf = ({
  createdAt: openedAt,
  currency,
  id: disputeId,
  merchantId,
  status
}: Disputed): ReadonlyArray<DisputeCase> =>
  merchantId === null ? [] : [{ disputeId, merchantId, currency, stand: stands[status], openedAt }]

/** What a movement of a dispute's fee, which a change of the dispute caused, means to the books. */
export const postingOfDisputeFee = (
  { direction, disputeId, merchantId, money, planVersion }: DisputeFeeMovement,
  news: ReadonlyArray<DisputeNews>,
  traceId: string | null
): ReadonlyArray<Posting> => {
  const change = news.findLast(({ to }) => to.id === disputeId)
  if (change === undefined) return []
  const id = variantOf(variantOf(disputeId, change.to.version), 0xfee00000)
  return [
    {
      ...{ id, purpose: "fee", subject: disputeId, actor: change.actor, traceId },
      legs: direction === "charged" ? fee(merchantId, money) : feeReturn(merchantId, money),
      reason: `dispute fee of plan ${planVersion}${direction === "charged" ? "" : " given back"}`
    }
  ]
}
