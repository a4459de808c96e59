import { formatMajor } from "@mall/domain/kernel/Currency"
import { channelConformance } from "./channelConformance.ts"

channelConformance({
  id: "alipay",
  method: "precreate",
  currency: "CNY",
  paidStates: ["paid"],
  decline: { status: 200, code: "ACQ.BUYER_BALANCE_NOT_ENOUGH" },
  amountOnWire: ({ amount, currency }) => encodeURIComponent(`"total_amount":"${formatMajor(amount, currency)}"`),
  sealHeaders: [],
  resends: 1,
  notApplicable: {
    "zero-decimal currency": "takes CNY only",
    "three-decimal currency": "takes CNY only",
    "query answered with another currency": "an answer names no currency",
    "query answered with another merchant": "an answer names no merchant",
    "notice of a refund with another amount": "tells the sum of all refunds, so the channel is asked",
    "notice without its headers, or with others": "the seal is in the body"
  }
})
