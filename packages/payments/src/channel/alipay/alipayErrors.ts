import type { Advice } from "../Channel.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure } from "../channelFailure.ts"
import type { Meaning } from "../channelFailure.ts"

export type AlipayOperation = "create" | "query" | "close" | "refund" | "queryRefund" | "bill"

/** Alipay's `sub_code`s by what they let us conclude. */
const meanings: Readonly<Record<string, Meaning>> = {
  "ACQ.SYSTEM_ERROR": "unknown",
  // the order at the channel is in another state than we thought: ask
  "ACQ.TRADE_HAS_SUCCESS": "unknown",
  "ACQ.TRADE_HAS_FINISHED": "unknown",
  "ACQ.CONTEXT_INCONSISTENT": "unknown",
  "ACQ.TRADE_HAS_CLOSE": "declined",
  "ACQ.BUYER_BALANCE_NOT_ENOUGH": "declined",
  "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH": "declined",
  "ACQ.ERROR_BALANCE_PAYMENT_DISABLE": "declined",
  "ACQ.BUYER_ENABLE_STATUS_FORBID": "declined",
  "ACQ.BUYER_SELLER_EQUAL": "declined",
  "ACQ.TRADE_BUYER_NOT_MATCH": "declined",
  "ACQ.EXIST_FORBIDDEN_WORD": "declined",
  "ACQ.TOTAL_FEE_EXCEED": "declined",
  "ACQ.PAYMENT_REQUEST_HAS_RISK": "declined",
  "ACQ.ACCESS_FORBIDDEN": "refused",
  "ACQ.INVALID_PARAMETER": "refused",
  "ACQ.PARTNER_ERROR": "refused",
  "isv.invalid-signature": "refused",
  "isv.invalid-app-id": "refused",
  "isv.insufficient-isv-permissions": "refused",
  "isp.unknow-error": "unknown",
  "aop.unknow-error": "unknown",
  "isv.call-limited": "notSent",
  "app.call-limited": "notSent"
}

/** Where an operation reads a code otherwise. */
const exceptions: Readonly<Partial<Record<AlipayOperation, Readonly<Record<string, Meaning>>>>> = {
  refund: {
    "ACQ.TRADE_NOT_EXIST": "declined",
    "ACQ.TRADE_STATUS_ERROR": "declined",
    "ACQ.TRADE_HAS_FINISHED": "declined",
    "ACQ.TRADE_NOT_ALLOW_REFUND": "declined",
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": "declined",
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": "declined",
    "ACQ.DISCORDANT_REPEAT_REQUEST": "declined",
    // the merchant's balance does not cover the refund: the same refund is sent again once it does
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": "notSent"
  }
}

export const advice: Readonly<Record<string, Advice>> = {
  "isv.call-limited": "retrySame",
  "app.call-limited": "retrySame",
  "ACQ.BUYER_BALANCE_NOT_ENOUGH": "askBuyer",
  "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH": "askBuyer",
  "ACQ.ERROR_BALANCE_PAYMENT_DISABLE": "askBuyer",
  "ACQ.BUYER_ENABLE_STATUS_FORBID": "askBuyer",
  "ACQ.TRADE_BUYER_NOT_MATCH": "askBuyer",
  "ACQ.TOTAL_FEE_EXCEED": "askBuyer",
  "ACQ.ACCESS_FORBIDDEN": "retryOther",
  "ACQ.PARTNER_ERROR": "retryOther",
  "isv.invalid-signature": "retryOther",
  "isv.invalid-app-id": "retryOther",
  "isv.insufficient-isv-permissions": "retryOther",
  "ACQ.BUYER_SELLER_EQUAL": "stop",
  "ACQ.EXIST_FORBIDDEN_WORD": "stop",
  "ACQ.PAYMENT_REQUEST_HAS_RISK": "stop"
}

/** `10000` is success; of `20000` and what is not known nothing can be concluded. */
const ofGateway = (code: string): Meaning =>
  code === "40004" ? "declined" : code.startsWith("400") ? "refused" : "unknown"

/** A signed answer that is no success. */
export const fromAnswer = (operation: AlipayOperation, code: string, subCode: string | undefined) =>
  subCode === undefined
    ? channelFailure(ofGateway(code), code)
    : channelFailure(exceptions[operation]?.[subCode] ?? meanings[subCode] ?? ofGateway(code), subCode)

export const isMissing = ({ reason }: ChannelError) => reason.code === "ACQ.TRADE_NOT_EXIST"
const notClosable = new Set(["ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.REASON_ILLEGAL_STATUS"])
/** The order is not in a state that can be closed: it is paid, or closed already. */
export const isNotClosable = ({ reason }: ChannelError) => notClosable.has(reason.code)
