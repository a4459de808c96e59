import type { Advice } from "../Channel.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, meaningOfStatus } from "../channelFailure.ts"
import type { Meaning } from "../channelFailure.ts"

/** PayPal's issues by what they let us conclude. */
const meanings: Readonly<Record<string, Meaning>> = {
  INTERNAL_SERVER_ERROR: "unknown",
  SERVICE_UNAVAILABLE: "unknown",
  // the order at the channel is in another state than we thought: ask
  ORDER_ALREADY_CAPTURED: "unknown",
  DUPLICATE_INVOICE_ID: "unknown",
  DUPLICATE_REQUEST_ID: "unknown",
  PREVIOUS_REQUEST_IN_PROGRESS: "unknown",
  RATE_LIMIT_REACHED: "notSent",
  INSTRUMENT_DECLINED: "declined",
  PAYER_CANNOT_PAY: "declined",
  PAYER_ACCOUNT_RESTRICTED: "declined",
  PAYER_ACCOUNT_LOCKED_OR_CLOSED: "declined",
  TRANSACTION_REFUSED: "declined",
  TRANSACTION_LIMIT_EXCEEDED: "declined",
  PAYEE_BLOCKED_TRANSACTION: "declined",
  COMPLIANCE_VIOLATION: "declined",
  CURRENCY_NOT_SUPPORTED: "declined",
  PAYEE_ACCOUNT_RESTRICTED: "declined",
  CAPTURE_FULLY_REFUNDED: "declined",
  REFUND_AMOUNT_EXCEEDED: "declined",
  REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK: "declined",
  REFUND_TIME_LIMIT_EXCEEDED: "declined",
  MAX_NUMBER_OF_REFUNDS_EXCEEDED: "declined",
  PARTIAL_REFUND_NOT_ALLOWED: "declined",
  CAPTURE_DISPUTED_PARTIAL_REFUND_NOT_ALLOWED: "declined",
  REFUND_NOT_ALLOWED: "declined",
  REFUND_IS_RESTRICTED: "declined",
  // the merchant's balance does not cover the refund: the same refund is sent again once it does
  REFUND_FAILED_INSUFFICIENT_FUNDS: "notSent"
}

export const advice: Readonly<Record<string, Advice>> = {
  RATE_LIMIT_REACHED: "retrySame",
  INSTRUMENT_DECLINED: "askBuyer",
  PAYER_CANNOT_PAY: "askBuyer",
  PAYER_ACCOUNT_RESTRICTED: "askBuyer",
  PAYER_ACCOUNT_LOCKED_OR_CLOSED: "askBuyer",
  TRANSACTION_LIMIT_EXCEEDED: "askBuyer",
  TRANSACTION_REFUSED: "retryOther",
  PAYEE_BLOCKED_TRANSACTION: "retryOther",
  PAYEE_ACCOUNT_RESTRICTED: "retryOther",
  CURRENCY_NOT_SUPPORTED: "retryOther",
  AMOUNT_NOT_REPRESENTABLE: "unsuited",
  COMPLIANCE_VIOLATION: "stop"
}

/** An answer with an error status that names an issue. */
export const fromAnswer = (status: number, issue: string) =>
  channelFailure(status >= 500 ? "unknown" : (meanings[issue] ?? meaningOfStatus(status)), issue)

export const isMissing = ({ reason }: ChannelError) => reason.code === "INVALID_RESOURCE_ID"
export const isDeclined = ({ reason }: ChannelError) => reason._tag === "ChannelDeclined"
