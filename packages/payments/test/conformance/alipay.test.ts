import { formatMajor } from "@mall/domain/kernel/Currency"
import { channelConformance } from "./channelConformance.ts"

channelConformance({
  id: "alipay",
  method: "precreate",
  currency: "CNY",
  paidStates: ["paid"],
  decline: { status: 200, code: "ACQ.BUYER_ENABLE_STATUS_FORBID" },
  amountOnWire: ({ amount, currency }) => encodeURIComponent(`"total_amount":"${formatMajor(amount, currency)}"`),
  sealHeaders: [],
  sendsWhenReset: 2,
  notApplicable: {
    "notice without its headers, or with others": "the seal is in the body",
    "zero-decimal currency": "takes CNY only",
    "three-decimal currency": "takes CNY only"
  }
})
