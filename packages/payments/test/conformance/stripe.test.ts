import { channelConformance } from "./channelConformance.ts"

const unsigned = "Stripe signs no answers; TLS says whose they are"

channelConformance({
  id: "stripe",
  method: "card",
  currency: "USD",
  paidStates: ["paid"],
  decline: { status: 402, code: "card_declined" },
  // the króna is written with decimals that it does not have
  amountOnWire: ({ amount, currency }) => `amount=${currency === "ISK" ? amount * 100 : amount}&`,
  sealHeaders: ["stripe-signature"],
  notApplicable: {
    "query answered with another attempt's payment":
      "an attempt has the channel's number from the start, and no other can",
    "creation answered with a forged signature": unsigned,
    "query answered with a forged signature": unsigned,
    "close answered with a forged signature": unsigned,
    "refund answered with a forged signature": unsigned,
    "refund query answered with a forged signature": unsigned
  }
})
