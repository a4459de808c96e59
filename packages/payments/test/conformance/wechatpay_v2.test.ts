import { channelConformance } from "./channelConformance.ts"

const timeless = "the protocol signs no time of sending; what a notice says is compared, and counts once"

channelConformance({
  id: "wechatpay_v2",
  method: "native",
  currency: "CNY",
  paidStates: ["paid"],
  decline: { status: 200, code: "ACCOUNTERROR" },
  amountOnWire: ({ amount }) => `<total_fee>${amount}</total_fee>`,
  sealHeaders: [],
  notApplicable: {
    "zero-decimal currency": "takes CNY only",
    "three-decimal currency": "takes CNY only",
    "notice of a refund with another amount": "such a notice is not signed, so the channel is asked",
    "notice without its headers, or with others": "the seal is in the body",
    "notice with an old timestamp": timeless,
    "notice by a wrong clock of theirs": timeless,
    "notice by a wrong clock of ours": timeless,
    "notice of an unknown type": "a notice has no type but what it is about"
  }
})
