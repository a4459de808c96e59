import type { StateMachine } from "@mall/domain/kernel/StateMachine"
import type { AttemptId } from "@mall/domain/payments/Payment"
import type { PaymentStatus, RefundId } from "@mall/domain/payments/PaymentGateway"
import type { AttemptStatus, RefundStatus } from "@mall/domain/payments/PaymentLifecycle"
import { attemptLifecycle, paymentLifecycle, refundLifecycle } from "@mall/domain/payments/PaymentLifecycle"
import { AttemptRow, HistoryRow, IntentRow, RefundRow } from "./PaymentRecord.ts"
import type { PaymentRecord } from "./PaymentRecord.ts"

/** Who changes a payment, and when. `refundId` is used where the change has to give money back by itself. */
export interface ChangeContext {
  readonly now: Date
  readonly actor: string
  readonly traceId: string | null
  readonly refundId: RefundId
}

const check = <State extends string>(machine: StateMachine<State>, from: State, to: State) => {
  if (!machine.can(from, to)) throw new Error(`A payment record cannot go from ${from} to ${to}`)
}

/**
 * The rows of a payment while it changes: which of them did, and the history of it. A state moves nowhere else, each move
 * with its line of history; one that the lifecycles do not have is a defect, never written.
 */
export class PaymentRows {
  readonly context: ChangeContext
  readonly history: Array<HistoryRow> = []
  #intent: IntentRow
  readonly #before: IntentRow
  readonly #attempts: Map<AttemptId, AttemptRow>
  readonly #refunds: Map<RefundId, RefundRow>
  readonly #touchedAttempts = new Set<AttemptId>()
  readonly #touchedRefunds = new Set<RefundId>()

  constructor(record: PaymentRecord, context: ChangeContext) {
    this.context = context
    this.#intent = record.intent
    this.#before = record.intent
    this.#attempts = new Map(record.attempts.map((attempt) => [attempt.id, attempt]))
    this.#refunds = new Map(record.refunds.map((refund) => [refund.id, refund]))
  }

  get intent() {
    return this.#intent
  }

  get isChanged() {
    return (
      this.history.length > 0 ||
      this.#intent !== this.#before ||
      this.#touchedAttempts.size > 0 ||
      this.#touchedRefunds.size > 0
    )
  }

  get attempts() {
    return [...this.#attempts.values()]
  }

  get refunds() {
    return [...this.#refunds.values()]
  }

  get changedAttempts() {
    return this.attempts.filter(({ id }) => this.#touchedAttempts.has(id))
  }

  get changedRefunds() {
    return this.refunds.filter(({ id }) => this.#touchedRefunds.has(id))
  }

  attempt(id: AttemptId) {
    return this.#attempts.get(id)
  }

  refund(id: RefundId) {
    return this.#refunds.get(id)
  }

  moveIntent(to: PaymentStatus, reason: string) {
    const from = this.#intent.status
    check(paymentLifecycle, from, to)
    this.#intent = new IntentRow({ ...this.#intent, status: to })
    this.note("payment", this.#intent.id, from, to, reason)
  }

  /** Its sums and its times; its state moves. */
  setIntent(fields: Partial<Pick<IntentRow, "captured" | "refunded" | "held" | "paidAt">>) {
    this.#intent = new IntentRow({ ...this.#intent, ...fields })
  }

  addAttempt(attempt: AttemptRow, reason: string) {
    this.#attempts.set(attempt.id, attempt)
    this.#touchedAttempts.add(attempt.id)
    this.note("attempt", attempt.id, null, attempt.status, reason)
  }

  moveAttempt(attempt: AttemptRow, to: AttemptStatus, reason: string, fields: Partial<AttemptRow>) {
    check(attemptLifecycle, attempt.status, to)
    this.note("attempt", attempt.id, attempt.status, to, reason)
    return this.setAttempt(new AttemptRow({ ...attempt, ...fields, status: to }))
  }

  setAttempt(attempt: AttemptRow) {
    const row = new AttemptRow({ ...attempt, updatedAt: this.context.now })
    this.#attempts.set(attempt.id, row)
    this.#touchedAttempts.add(attempt.id)
    return row
  }

  addRefund(refund: RefundRow, reason: string) {
    this.#refunds.set(refund.id, refund)
    this.#touchedRefunds.add(refund.id)
    this.note("refund", refund.id, null, refund.status, reason)
  }

  moveRefund(refund: RefundRow, to: RefundStatus, reason: string, fields: Partial<RefundRow>) {
    check(refundLifecycle, refund.status, to)
    this.note("refund", refund.id, refund.status, to, reason)
    return this.setRefund(new RefundRow({ ...refund, ...fields, status: to }))
  }

  setRefund(refund: RefundRow) {
    const row = new RefundRow({ ...refund, updatedAt: this.context.now })
    this.#refunds.set(refund.id, row)
    this.#touchedRefunds.add(refund.id)
    return row
  }

  note(subject: HistoryRow["subject"], subjectId: string, from: string | null, to: string, reason: string) {
    const { actor, now, traceId } = this.context
    this.history.push(
      new HistoryRow({
        paymentId: this.#intent.id,
        subject,
        subjectId,
        fromStatus: from,
        toStatus: to,
        actor,
        reason,
        traceId,
        at: now
      })
    )
  }
}
