import { formatMajor } from "@mall/domain/kernel/Currency"
import { channelConformance } from "./channelConformance.ts"

const nothingToClose = "an order that was not agreed to cannot be closed; its money is never taken"
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
  captureOperation: "capture",
  // refunds are found in their order
  faultsAt: { refundQuery: "query" },
  agreedState: "approved",
  notApplicable: {
    "query answered with another attempt's payment":
      "an attempt has the channel's number from the start, and no other can",
    "close answered 429": nothingToClose,
    "close answered 500": nothingToClose,
    "close answered in HTML": nothingToClose,
    "close answered with nothing": nothingToClose,
    "close answered with half a body": nothingToClose,
    "close answered too late": nothingToClose,
    "close answered drop by drop": nothingToClose,
    "close answered with a forged signature": nothingToClose,
    "close reset before it is done": nothingToClose,
    "close reset after it is done": nothingToClose,
    "close done after we gave up": nothingToClose,
    "capture answered with a forged signature": unsigned,
    "three-decimal currency": "PayPal takes no such currency",
    "creation answered with a forged signature": unsigned,
    "query answered with a forged signature": unsigned,
    "refund answered with a forged signature": unsigned,
    "refund query answered with a forged signature": unsigned
  }
})
