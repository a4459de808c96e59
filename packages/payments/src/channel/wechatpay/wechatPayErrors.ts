import type { Advice } from "../Channel.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, meaningOfStatus } from "../channelFailure.ts"
import type { Meaning } from "../channelFailure.ts"

export type WechatPayOperation = "create" | "query" | "close" | "refund" | "queryRefund" | "certificates" | "bill"

/** WeChat Pay's error codes by what they let us conclude. Spellings differ between its endpoints and years. */
const meanings: Readonly<Record<string, Meaning>> = {
  // the order at the channel is in another state than we thought: ask
  ORDERPAID: "unknown",
  ORDER_PAID: "unknown",
  OUT_TRADE_NO_USED: "unknown",
  USERPAYING: "unknown",
  USER_PAYING: "unknown",
  SYSTEM_ERROR: "unknown",
  SYSTEMERROR: "unknown",
  BANK_ERROR: "unknown",
  BANKERROR: "unknown",
  ORDERCLOSED: "declined",
  ORDER_CLOSED: "declined",
  RULE_LIMIT: "declined",
  RULELIMIT: "declined",
  TRADE_ERROR: "declined",
  ACCOUNT_ERROR: "declined",
  ACCOUNTERROR: "declined",
  USER_ACCOUNT_ABNORMAL: "declined",
  REQUEST_BLOCKED: "declined",
  FREQUENCY_LIMITED: "notSent",
  FREQUENCY_LIMIT_EXCEED: "notSent",
  RATELIMIT_EXCEEDED: "notSent",
  // the merchant's balance does not cover the refund: the same refund is sent again once it does
  NOT_ENOUGH: "notSent",
  NOTENOUGH: "notSent",
  SIGN_ERROR: "refused",
  PARAM_ERROR: "refused",
  INVALID_REQUEST: "refused",
  APPID_MCHID_NOT_MATCH: "refused",
  MCH_NOT_EXISTS: "refused",
  NO_AUTH: "refused",
  OPENID_MISMATCH: "refused",
  // as API v2 spells them, whose answers have the status 200 whatever they say
  SIGNERROR: "refused",
  NOAUTH: "refused",
  APPID_NOT_EXIST: "refused",
  MCHID_NOT_EXIST: "refused",
  LACK_PARAMS: "refused",
  XML_FORMAT_ERROR: "refused",
  CERT_ERROR: "refused"
}

/** Where an operation reads a code otherwise. */
const exceptions: Readonly<Partial<Record<WechatPayOperation, Readonly<Record<string, Meaning>>>>> = {
  create: { NOT_ENOUGH: "declined", NOTENOUGH: "declined" },
  refund: {
    INVALID_REQUEST: "declined",
    RESOURCE_NOT_EXISTS: "declined",
    ORDER_NOT_EXIST: "declined",
    ORDERNOTEXIST: "declined",
    // more than a year after the payment
    TRADE_OVERDUE: "declined",
    // all of it was given back before, as by hand
    ERROR: "declined",
    REFUND_FEE_INVALID: "declined",
    INVALID_TRANSACTIONID: "declined"
  }
}

export const advice: Readonly<Record<string, Advice>> = {
  FREQUENCY_LIMITED: "retrySame",
  FREQUENCY_LIMIT_EXCEED: "retrySame",
  RATELIMIT_EXCEEDED: "retrySame",
  RULE_LIMIT: "askBuyer",
  RULELIMIT: "askBuyer",
  ACCOUNT_ERROR: "askBuyer",
  ACCOUNTERROR: "askBuyer",
  USER_ACCOUNT_ABNORMAL: "askBuyer",
  NOT_ENOUGH: "askBuyer",
  NOTENOUGH: "askBuyer",
  OPENID_MISMATCH: "askBuyer",
  OPENID_NEEDED: "askBuyer",
  TRADE_ERROR: "retryOther",
  NO_AUTH: "retryOther",
  MCH_NOT_EXISTS: "retryOther",
  APPID_MCHID_NOT_MATCH: "retryOther",
  SIGN_ERROR: "retryOther",
  REQUEST_BLOCKED: "stop"
}

const missing = new Set(["RESOURCE_NOT_EXISTS", "ORDER_NOT_EXIST", "ORDERNOTEXIST"])
const paid = new Set(["ORDERPAID", "ORDER_PAID"])
const closed = new Set(["ORDERCLOSED", "ORDER_CLOSED"])

/** An answer with an error status. Only one that names a code is WeChat Pay's own; any other proves nothing. */
export const fromAnswer = (operation: WechatPayOperation, status: number, code: string | undefined) => {
  if (code === undefined) return channelFailure("unknown", `HTTP_${status}`)
  return channelFailure(exceptions[operation]?.[code] ?? meanings[code] ?? meaningOfStatus(status), code)
}

export const isMissing = ({ reason }: ChannelError) => missing.has(reason.code)
export const isPaid = ({ reason }: ChannelError) => paid.has(reason.code)
export const isClosed = ({ reason }: ChannelError) => closed.has(reason.code)
