import { Currency } from "@mall/domain/kernel/Currency"
import { Uuid7 } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Dispute, DisputeChange, DisputeId, EvidenceFileType, EvidenceKind } from "@mall/domain/payments/Dispute"
import type { Evidence } from "@mall/domain/payments/Dispute"
import { DisputeStatus } from "@mall/domain/payments/DisputeLifecycle"
import { ChannelId } from "@mall/domain/payments/Payment"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { Schema } from "effect"
import { ContentDigest } from "./EvidenceStore.ts"

export const EvidenceId = Uuid7.pipe(Schema.brand("EvidenceId"))
export type EvidenceId = typeof EvidenceId.Type

/**
 * A row of `payments.disputes`. `toldAt` is of the channel's clock: what it told later counts. `version` counts changes that
 * the channel told. `acceptedBy` is who gave the dispute up, from before the channel hears of it.
 */
export class DisputeRow extends Schema.Class<DisputeRow>("DisputeRow")({
  id: DisputeId,
  channel: ChannelId,
  channelReference: Schema.String,
  paymentReference: Schema.String,
  paymentId: Schema.NullOr(PaymentId),
  merchantId: Schema.NullOr(MerchantId),
  status: DisputeStatus,
  amount: MinorUnits,
  currency: Currency,
  reason: Schema.String,
  evidenceDueAt: Schema.NullOr(Schema.Date),
  withdrawn: Schema.NullOr(MinorUnits),
  fees: Schema.NullOr(MinorUnits),
  balanceCurrency: Schema.NullOr(Currency),
  toldAt: Schema.Date,
  version: Schema.Int,
  acceptedBy: Schema.NullOr(Schema.String),
  nextSyncAt: Schema.NullOr(Schema.Date),
  openedAt: Schema.Date,
  createdAt: Schema.Date,
  updatedAt: Schema.Date
}) {
  get money() {
    return new Money({ amount: this.amount, currency: this.currency })
  }

  /** What the channel took of our balance, and what it took for itself. */
  get balance() {
    const of = (amount: MinorUnits | null) =>
      amount === null || this.balanceCurrency === null ? null : new Money({ amount, currency: this.balanceCurrency })
    return { withdrawn: of(this.withdrawn), fees: of(this.fees) }
  }

  get dispute() {
    return new Dispute({
      id: this.id,
      paymentId: this.paymentId,
      merchantId: this.merchantId,
      channel: this.channel,
      channelReference: this.channelReference,
      status: this.status,
      amount: this.money,
      reason: this.reason,
      evidenceDueAt: this.evidenceDueAt,
      ...this.balance,
      openedAt: this.openedAt,
      updatedAt: this.updatedAt
    })
  }
}

/** A row of `payments.dispute_evidence`. A piece that takes another's place has an id of its own. */
export class EvidenceRow extends Schema.Class<EvidenceRow>("EvidenceRow")({
  id: EvidenceId,
  kind: EvidenceKind,
  text: Schema.NullOr(Schema.String),
  fileType: Schema.NullOr(EvidenceFileType),
  sha256: Schema.NullOr(ContentDigest),
  size: Schema.Int,
  channelFile: Schema.NullOr(Schema.String),
  addedBy: Schema.String,
  createdAt: Schema.Date,
  submittedAt: Schema.NullOr(Schema.Date)
}) {
  get evidence(): Evidence {
    const { addedBy, createdAt, fileType, kind, sha256, size, submittedAt, text } = this
    return { addedBy, createdAt, fileType, kind, sha256, size, submittedAt, text }
  }
}

/** A row of `payments.dispute_history`. */
export class DisputeHistoryRow extends Schema.Class<DisputeHistoryRow>("DisputeHistoryRow")({
  fromStatus: Schema.NullOr(DisputeStatus),
  toStatus: DisputeStatus,
  amount: MinorUnits,
  currency: Currency,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}) {
  get change() {
    const { amount, currency, ...rest } = this
    return new DisputeChange({ ...rest, amount: new Money({ amount, currency }) })
  }
}
