import { channelConformance } from "./channelConformance.ts"

channelConformance({
  id: "wechatpay",
  method: "native",
  currency: "CNY",
  paidStates: ["SUCCESS", "REFUND"],
  decline: { status: 403, code: "ACCOUNT_ERROR" },
  amountOnWire: ({ amount }) => `"total":${amount}`,
  sealHeaders: ["wechatpay-serial", "wechatpay-signature", "wechatpay-timestamp", "wechatpay-nonce"],
  notApplicable: {
    "zero-decimal currency": "takes CNY only",
    "three-decimal currency": "takes CNY only"
  }
})
