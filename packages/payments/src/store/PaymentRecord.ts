import { UserId } from "@mall/domain/identity/CurrentUser"
import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { CredentialId } from "@mall/domain/payments/ChannelCredentials"
import { AttemptId, ChannelId, PayerDetails, Payment, PaymentAction, Refund } from "@mall/domain/payments/Payment"
import type { Underpayment } from "@mall/domain/payments/Payment"
import { PaymentId, PaymentStatus, PaymentSummary, RefundId } from "@mall/domain/payments/PaymentGateway"
import { AttemptStatus, isOpenAttempt, RefundStatus } from "@mall/domain/payments/PaymentLifecycle"
import { RouteDecision } from "@mall/domain/payments/Routing"
import { Schema } from "effect"

/** A row of `payments.intents`. `held` is what refunds on their way will take from the capture. */
export class IntentRow extends Schema.Class<IntentRow>("IntentRow")({
  id: PaymentId,
  merchantId: Schema.NullOr(MerchantId),
  payerId: Schema.NullOr(UserId),
  amount: MinorUnits,
  currency: Currency,
  captured: MinorUnits,
  refunded: MinorUnits,
  held: MinorUnits,
  status: PaymentStatus,
  reference: Schema.String,
  description: Schema.String,
  channels: Schema.NullOr(Schema.Array(ChannelId)),
  metadata: Schema.Record(Schema.String, Schema.String),
  returnUrl: Schema.NullOr(Schema.String),
  expiresAt: Schema.Date,
  cancelAt: Schema.NullOr(Schema.Date),
  paidAt: Schema.NullOr(Schema.Date),
  createdAt: Schema.Date
}) {
  /** From when on nobody may begin to pay. */
  get endsAt() {
    return this.cancelAt !== null && this.cancelAt < this.expiresAt ? this.cancelAt : this.expiresAt
  }

  get money() {
    return new Money({ amount: this.amount, currency: this.currency })
  }

  /** What may still be given back: neither refunded nor on its way. */
  get refundable() {
    return Money.of(this.captured - this.refunded - this.held, this.currency)
  }

  get payment() {
    const { amount: _amount, currency, captured, refunded, held: _held, ...rest } = this
    return new Payment({
      ...rest,
      amount: this.money,
      captured: new Money({ amount: captured, currency }),
      refunded: new Money({ amount: refunded, currency })
    })
  }

  get summary() {
    return new PaymentSummary({
      id: this.id,
      status: this.status,
      amount: this.money,
      refunded: new Money({ amount: this.refunded, currency: this.currency }),
      reference: this.reference,
      expiresAt: this.expiresAt,
      paidAt: this.paidAt
    })
  }
}

/** A row of `payments.attempts`. `queries` counts the times that the channel was asked by schedule. */
export class AttemptRow extends Schema.Class<AttemptRow>("AttemptRow")({
  id: AttemptId,
  paymentId: PaymentId,
  channel: ChannelId,
  method: Schema.String,
  amount: MinorUnits,
  currency: Currency,
  status: AttemptStatus,
  channelReference: Schema.NullOr(Schema.String),
  action: Schema.NullOr(PaymentAction),
  payer: PayerDetails,
  /** The merchant's own account that it was made with; null: the platform's. */
  credentialId: Schema.NullOr(CredentialId),
  /** Null for tries of before there was a router. */
  decision: Schema.NullOr(RouteDecision),
  errorCode: Schema.NullOr(Schema.String),
  /** What came so far in part, as its channel told. */
  received: MinorUnits,
  queries: Schema.Int,
  nextQueryAt: Schema.NullOr(Schema.Date),
  createdAt: Schema.Date,
  updatedAt: Schema.Date
}) {
  get money() {
    return new Money({ amount: this.amount, currency: this.currency })
  }

  /** Undefined where nothing came, or all did. */
  get underpayment(): Underpayment | undefined {
    const { amount, channel, channelReference: payTo, currency, received, status } = this
    if (!isOpenAttempt(status) || received === 0 || received >= amount) return undefined
    return { channel, received: Money.of(received, currency), missing: Money.of(amount - received, currency), payTo }
  }
}

/** A row of `payments.refunds`. */
export class RefundRow extends Schema.Class<RefundRow>("RefundRow")({
  id: RefundId,
  paymentId: PaymentId,
  attemptId: AttemptId,
  amount: MinorUnits,
  currency: Currency,
  surplus: Schema.Boolean,
  reason: Schema.String,
  status: RefundStatus,
  channelReference: Schema.NullOr(Schema.String),
  errorCode: Schema.NullOr(Schema.String),
  queries: Schema.Int,
  nextQueryAt: Schema.NullOr(Schema.Date),
  createdAt: Schema.Date,
  updatedAt: Schema.Date
}) {
  get money() {
    return new Money({ amount: this.amount, currency: this.currency })
  }

  get refund() {
    return new Refund({
      id: this.id,
      paymentId: this.paymentId,
      status: this.status,
      amount: this.money,
      reason: this.reason,
      errorCode: this.errorCode,
      createdAt: this.createdAt
    })
  }
}

/** One change of state: of what, from where to where, by whom and why. */
export class HistoryRow extends Schema.Class<HistoryRow>("HistoryRow")({
  paymentId: PaymentId,
  subject: Schema.Literals(["payment", "attempt", "refund"]),
  subjectId: Schema.String,
  fromStatus: Schema.NullOr(Schema.String),
  toStatus: Schema.String,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}) {}

/** A payment with all that was tried and given back, as it was read under the lock of its intent. */
export interface PaymentRecord {
  readonly intent: IntentRow
  readonly attempts: ReadonlyArray<AttemptRow>
  readonly refunds: ReadonlyArray<RefundRow>
}
