import { formatMajor } from "@mall/domain/kernel/Currency"
import { channelConformance } from "./channelConformance.ts"

const unsigned = "PayPal signs no answers; TLS says whose they are"

channelConformance({
  id: "paypal",
  method: "paypal",
  currency: "USD",
  paidStates: ["paid"],
  decline: { status: 422, code: "PAYEE_ACCOUNT_RESTRICTED" },
  amountOnWire: ({ amount, currency }) => `"value":"${formatMajor(amount, currency)}"`,
  sealHeaders: [
    "paypal-transmission-id",
    "paypal-transmission-time",
    "paypal-transmission-sig",
    "paypal-cert-url",
    "paypal-auth-algo"
  ],
  notApplicable: {
    "three-decimal currency": "takes none",
    "creation answered with a forged signature": unsigned,
    "query answered with a forged signature": unsigned,
    "close answered with a forged signature": unsigned,
    "refund answered with a forged signature": unsigned,
    "refund query answered with a forged signature": unsigned
  }
})
