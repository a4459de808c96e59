import { formatMajor } from "@mall/domain/kernel/Currency"
import { Money } from "@mall/domain/kernel/Money"
import type { AttemptId, ChannelId } from "@mall/domain/payments/Payment"
import type { RefundId } from "@mall/domain/payments/PaymentGateway"
import { isOpenAttempt, isOpenRefund } from "@mall/domain/payments/PaymentLifecycle"
import type { ChannelOrder, PartialPayment } from "../channel/Channel.ts"
import { nextInquiryAt } from "./inquirySchedule.ts"
import { AttemptRow, RefundRow } from "./PaymentRecord.ts"
import type { PaymentRecord } from "./PaymentRecord.ts"
import { PaymentRows } from "./PaymentRows.ts"
import type { ChangeContext } from "./PaymentRows.ts"

/** What a change tells the rest of the world, once it is committed. */
export type PaymentFact =
  | { readonly type: "paid"; readonly channel: ChannelId }
  | { readonly type: "declined"; readonly channel: ChannelId }
  | { readonly type: "surplus"; readonly channel: ChannelId; readonly refundId: RefundId }
  | { readonly type: "canceled"; readonly reason: string }
  | { readonly type: "refunded"; readonly refund: RefundRow; readonly outcome: "succeeded" | "failed" }

/**
 * A payment under change: read under its lock, decided upon in memory, written in one statement. It alone holds the rules
 * by which states and sums move.
 */
export class PaymentDraft {
  readonly facts: Array<PaymentFact> = []
  readonly #rows: PaymentRows

  constructor(record: PaymentRecord, context: ChangeContext) {
    this.#rows = new PaymentRows(record, context)
  }

  get context() {
    return this.#rows.context
  }

  get intent() {
    return this.#rows.intent
  }

  get history() {
    return this.#rows.history
  }

  get isChanged() {
    return this.#rows.isChanged
  }

  /** Nothing can be paid on it any more, or all of it was paid. */
  get isOver() {
    return this.intent.captured > 0 || this.intent.status === "canceled"
  }

  get openAttempt() {
    return this.#rows.attempts.find(({ status }) => isOpenAttempt(status))
  }

  attempt(id: AttemptId) {
    return this.#rows.attempt(id)
  }

  refund(id: RefundId) {
    return this.#rows.refund(id)
  }

  /** The attempt whose money a refund gives back. */
  attemptOf(refund: RefundRow | undefined) {
    return refund === undefined ? undefined : this.#rows.attempt(refund.attemptId)
  }

  /** The attempt whose money the intent counts. */
  get capturingAttempt() {
    const surplus = new Set(this.#rows.refunds.filter((refund) => refund.surplus).map((r) => r.attemptId))
    return this.#rows.attempts.find(({ id, status }) => status === "succeeded" && !surplus.has(id))
  }

  /** A try that captured besides, of which no refund got through and none is under way. */
  get keptSurplus() {
    const { attempts, refunds } = this.#rows
    const of = (attempt: AttemptRow) => refunds.filter(({ attemptId, surplus }) => surplus && attemptId === attempt.id)
    return attempts.find((attempt) => of(attempt).length > 0 && of(attempt).every(({ status }) => status === "failed"))
  }

  /** Writes into the history what changed nothing: why a try was not made. */
  remark(reason: string) {
    this.#rows.note("payment", this.intent.id, this.intent.status, this.intent.status, reason)
  }

  /** Commits to a try before the channel hears of it. No other may be open. `why` it may be made is kept in the history. */
  begin(
    id: AttemptId,
    choice: Pick<AttemptRow, "channel" | "method" | "payer" | "credentialId" | "decision">,
    why?: string
  ) {
    const { amount, currency, id: paymentId } = this.intent
    const way = `${choice.channel} ${choice.method}`
    const attempt = new AttemptRow({
      id,
      paymentId,
      ...choice,
      amount,
      currency,
      status: "created",
      channelReference: null,
      action: null,
      errorCode: null,
      received: Money.zero(currency).amount,
      queries: 0,
      nextQueryAt: nextInquiryAt(this.context.now, 0),
      createdAt: this.context.now,
      updatedAt: this.context.now
    })
    this.#rows.addAttempt(attempt, why === undefined ? way : `${way}; ${why}`)
    if (this.intent.status !== "processing") this.#rows.moveIntent("processing", "confirmed")
    return attempt
  }

  /** The channel took the try and told what the buyer does next. */
  offer(attempt: AttemptRow, { action, channelReference }: ChannelOrder, reason: string) {
    return this.#rows.moveAttempt(attempt, "processing", reason, {
      action,
      channelReference: channelReference ?? attempt.channelReference,
      errorCode: null,
      nextQueryAt: nextInquiryAt(this.context.now, attempt.queries)
    })
  }

  /** The channel has to be asked about the try at once. */
  askNow(attempt: AttemptRow) {
    return this.#rows.setAttempt(new AttemptRow({ ...attempt, nextQueryAt: this.context.now }))
  }

  /** A part of the money came; `action` is how the rest is paid. Nothing is captured by it. */
  receivePart(attempt: AttemptRow, { action, amount }: Pick<PartialPayment, "action" | "amount">) {
    const { currency, id, status } = attempt
    const [came, asked] = [amount, attempt.amount].map((units) => formatMajor(units, currency))
    this.#rows.note("attempt", id, status, status, `${came} of ${asked} ${currency} came`)
    return this.#rows.setAttempt(new AttemptRow({ ...attempt, received: amount, action }))
  }

  /** The channel gave no clear answer to the creation: it is asked, never guessed. */
  lose(attempt: AttemptRow, errorCode: string) {
    if (attempt.status === "unknown") return attempt
    return this.#rows.moveAttempt(attempt, "unknown", errorCode, {
      errorCode,
      nextQueryAt: nextInquiryAt(this.context.now, attempt.queries)
    })
  }

  /** The try ended without money. The payment may be tried again. */
  fail(attempt: AttemptRow, to: "failed" | "closed", errorCode: string) {
    const ended = this.#rows.moveAttempt(attempt, to, errorCode, { errorCode, nextQueryAt: null })
    if (to === "failed") this.facts.push({ type: "declined", channel: attempt.channel })
    if (this.intent.status === "processing" && this.openAttempt === undefined)
      this.#rows.moveIntent("failed", errorCode)
    return ended
  }

  /**
   * The channel holds the money of this try. The first try that succeeds pays the intent, however late; another one is a
   * surplus that is given back at once. A try that is still open elsewhere is asked about now, so that it gets closed.
   */
  succeed(attempt: AttemptRow, paid: { readonly channelReference: string; readonly paidAt: Date }, reason: string) {
    this.#rows.moveAttempt(attempt, "succeeded", reason, {
      channelReference: paid.channelReference,
      errorCode: null,
      nextQueryAt: null
    })
    if (this.intent.captured === 0) {
      this.#rows.setIntent({ captured: attempt.amount, paidAt: paid.paidAt })
      this.#rows.moveIntent("succeeded", reason)
      this.facts.push({ type: "paid", channel: attempt.channel })
    } else {
      this.#addRefund(attempt, this.context.refundId, attempt.money, "paid twice", true)
      this.facts.push({ type: "surplus", channel: attempt.channel, refundId: this.context.refundId })
    }
    const other = this.openAttempt
    if (other !== undefined) this.#rows.setAttempt(new AttemptRow({ ...other, nextQueryAt: this.context.now }))
  }

  cancel(reason: string) {
    this.#rows.moveIntent("canceled", reason)
    this.facts.push({ type: "canceled", reason })
  }

  /** Holds a part of the capture for a refund. The caller has checked that so much is refundable. */
  requestRefund(attempt: AttemptRow, id: RefundId, amount: Money, reason: string) {
    this.#setSums(this.intent.refunded, this.intent.held + amount.amount)
    const refund = this.#addRefund(attempt, id, amount, reason, false)
    this.#deriveFromRefunds(`refund ${id}`)
    return refund
  }

  /** Gives a surplus back once more. */
  returnSurplus(attempt: AttemptRow, id: RefundId, reason: string) {
    return this.#addRefund(attempt, id, attempt.money, reason, true)
  }

  /** The channel works on the refund, or its answer is not known. */
  progressRefund(refund: RefundRow, to: "processing" | "unknown" | "pending", fields: RefundProgress) {
    if (refund.status === to) return refund
    return this.#rows.moveRefund(refund, to, fields.errorCode ?? to, {
      channelReference: fields.channelReference ?? refund.channelReference,
      errorCode: fields.errorCode,
      nextQueryAt: nextInquiryAt(this.context.now, refund.queries)
    })
  }

  /** The channel has to be asked about the refund at once. */
  askRefundNow(refund: RefundRow) {
    return this.#rows.setRefund(new RefundRow({ ...refund, nextQueryAt: this.context.now }))
  }

  /** The refund came to its end. False where the money cannot have gone out by our books: nothing is changed then. */
  endRefund(refund: RefundRow, to: "succeeded" | "failed", fields: RefundProgress): boolean {
    if (!refund.surplus) {
      const held = isOpenRefund(refund.status) ? this.intent.held - refund.amount : this.intent.held
      const refunded = to === "succeeded" ? this.intent.refunded + refund.amount : this.intent.refunded
      if (refunded + held > this.intent.captured) return false
      this.#setSums(refunded, held)
    } else if (to === "succeeded" && this.#isReturnedOtherwise(refund)) return false
    const ended = this.#rows.moveRefund(refund, to, fields.errorCode ?? to, {
      channelReference: fields.channelReference ?? refund.channelReference,
      errorCode: fields.errorCode,
      nextQueryAt: null
    })
    if (!refund.surplus) this.#deriveFromRefunds(`refund ${refund.id} ${to}`)
    this.facts.push({ type: "refunded", refund: ended, outcome: to })
    return true
  }

  rowsOfAttempts() {
    return this.#rows.changedAttempts
  }

  rowsOfRefunds() {
    return this.#rows.changedRefunds
  }

  #addRefund(attempt: AttemptRow, id: RefundId, money: Money, reason: string, surplus: boolean) {
    const refund = new RefundRow({
      id,
      paymentId: this.intent.id,
      attemptId: attempt.id,
      amount: money.amount,
      currency: money.currency,
      surplus,
      reason,
      status: "pending",
      channelReference: null,
      errorCode: null,
      queries: 0,
      // due at once: a crash before the channel is called leaves it to the sweep
      nextQueryAt: surplus ? this.context.now : nextInquiryAt(this.context.now, 0),
      createdAt: this.context.now,
      updatedAt: this.context.now
    })
    this.#rows.addRefund(refund, reason)
    return refund
  }

  /** Whether another refund of the same surplus got through, or is under way: then this one would give it back twice. */
  #isReturnedOtherwise({ attemptId, id }: RefundRow) {
    return this.#rows.refunds.some(
      (other) => other.surplus && other.attemptId === attemptId && other.id !== id && other.status !== "failed"
    )
  }

  #setSums(refunded: number, held: number) {
    const { currency } = this.intent
    this.#rows.setIntent({
      refunded: Money.of(refunded, currency).amount,
      held: Money.of(held, currency).amount
    })
  }

  #deriveFromRefunds(reason: string) {
    const { captured, held, refunded, status } = this.intent
    const to =
      held > 0 ? "refunding" : refunded === 0 ? "succeeded" : refunded < captured ? "partially_refunded" : "refunded"
    if (to !== status) this.#rows.moveIntent(to, reason)
  }
}

/** What the channel told of a refund besides its state. */
export interface RefundProgress {
  readonly errorCode: string | null
  readonly channelReference?: string | null
}
