import type { Json } from "./hostileInput.ts"

// What is agreed with merchants and with channels, in the form that endpoints and Rpcs take it.

export const settlementTerms = {
  ...{ currency: "CNY", cycle: { type: "daily", businessDays: 1 }, timeZone: "Asia/Shanghai", calendar: "default" },
  ...{ minimum: 0, isPaidOut: false, reserveBasisPoints: 500, reserveDays: 30 }
}

const feeRate = { channel: null, currency: null, fixed: 0, minimum: null, maximum: null }
export const feePlan = {
  name: "standard",
  rates: [{ ...feeRate, tiers: [{ from: 0, basisPoints: "60" }] }],
  tierMode: "marginal",
  rounding: "half_up",
  timeZone: "Asia/Shanghai",
  returns: { percent: true, fixed: false }
} satisfies Json
export const paymentLimits = {
  ...{ minimum: 100, maximum: 200, daily: 1000, monthly: 5000 },
  ...{ timeZone: "UTC", returnsOnRefund: true }
} satisfies Json
export const paymentPolicy = {
  ...{ channels: ["wechatpay"], methods: ["native"], refundDays: 30 },
  ...{ partialRefunds: true, refundPercent: 80 }
} satisfies Json
export const channelFee = {
  ...{ channel: "alipay", currency: "CNY", basisPoints: "60", fixed: 0, rounding: "half_up", isReturned: true },
  effectiveFrom: "2026-01-01T00:00:00.000Z",
  reason: "because"
} satisfies Json
