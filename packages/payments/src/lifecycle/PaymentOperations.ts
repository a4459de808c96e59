import { Money } from "@mall/domain/kernel/Money"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { PaymentPolicies } from "@mall/domain/merchants/PaymentPolicies"
import type { OperatorRefund, Payment, Refund } from "@mall/domain/payments/Payment"
import { Attempt, PaymentDetails } from "@mall/domain/payments/PaymentDetails"
import type { Callback } from "@mall/domain/payments/PaymentDetails"
import { CallbackNotFound } from "@mall/domain/payments/PaymentError"
import { PaymentNotFound, PaymentStateConflict } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId, PaymentUndecided, RefundId } from "@mall/domain/payments/PaymentGateway"
import { isOpenRefund } from "@mall/domain/payments/PaymentLifecycle"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentStamp } from "@mall/platform/audit/CurrentActor"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { inSnapshot } from "@mall/platform/inSnapshot"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { CallbackId } from "../callbacks/CallbackInbox.ts"
import { Callbacks } from "../callbacks/Callbacks.ts"
import { Inquiries } from "./Inquiries.ts"
import { PaymentIntents } from "../store/PaymentIntents.ts"
import { PaymentReads } from "../store/PaymentReads.ts"
import type { CallbackFilter, PaymentFilter } from "../store/PaymentReads.ts"
import type { AttemptRow } from "../store/PaymentRecord.ts"
import { PaymentRepo } from "../store/PaymentRepo.ts"
import { PaymentSchedule } from "../store/PaymentSchedule.ts"
import { Refunds } from "./Refunds.ts"
import type { RefundRefused } from "./Refunds.ts"

const toAttempt = ({
  action: _action,
  amount: _amount,
  currency,
  paymentId: _paymentId,
  money,
  received,
  ...row
}: AttemptRow) => new Attempt({ ...row, amount: money, received: new Money({ amount: received, currency }) })

/** What operators do with payments, over RPC and the command line. Each act is in the history with who did it. */
export class PaymentOperations extends Context.Service<
  PaymentOperations,
  {
    list(filter: PaymentFilter): Effect.Effect<Page<Payment>, InvalidCursor>
    show(id: PaymentId): Effect.Effect<PaymentDetails, PaymentNotFound>
    /** Asks the channels now about everything that is open, and answers with what is known then. */
    query(id: PaymentId): Effect.Effect<PaymentDetails, PaymentNotFound | PaymentUndecided>
    refund(
      id: PaymentId,
      refundId: RefundId,
      input: OperatorRefund,
      actor: string
    ): Effect.Effect<Refund, RefundRefused>
    /** As `Payments.scheduleCancel`, of anybody's payment. */
    scheduleCancel(
      id: PaymentId,
      at: Date | null,
      as: { readonly actor: string; readonly reason: string }
    ): Effect.Effect<Payment, PaymentNotFound | PaymentStateConflict>
    listCallbacks(filter: CallbackFilter): Effect.Effect<Page<Callback>, InvalidCursor>
    showCallback(id: string): Effect.Effect<Callback, CallbackNotFound>
    replayCallback(id: string): Effect.Effect<Callback, CallbackNotFound>
  }
>()("@mall/payments/lifecycle/PaymentOperations") {
  static readonly layerNoDeps = Layer.effect(
    PaymentOperations,
    Effect.gen(function* () {
      const callbacks = yield* Callbacks
      const inquiries = yield* Inquiries
      const intents = yield* PaymentIntents
      const policies = yield* PaymentPolicies
      const reads = yield* PaymentReads
      const refunds = yield* Refunds
      const repo = yield* PaymentRepo
      const schedule = yield* PaymentSchedule
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder

      const show = Effect.fn("PaymentOperations.show")(
        function* (id: PaymentId) {
          const record = yield* repo.read(id)
          if (Option.isNone(record)) return yield* new PaymentNotFound({ paymentId: id })
          const { attempts, intent, refunds } = record.value
          return new PaymentDetails({
            payment: intent.payment,
            attempts: attempts.map(toAttempt),
            refunds: refunds.map((row) => row.refund),
            history: yield* reads.history(id),
            callbacks: yield* reads.callbacksOf(id)
          })
        },
        inSnapshot(sql),
        Effect.catchTag("SqlError", Effect.die)
      )

      /** That somebody asks is kept before the channel hears of it. */
      const noteQuery = Effect.fnUntraced(
        function* (id: PaymentId) {
          const found = yield* repo.read(id)
          if (Option.isNone(found)) return yield* new PaymentNotFound({ paymentId: id })
          const { merchantId } = found.value.intent
          yield* audit.record({ action: "payment.query", resource: { type: "payment", id }, merchantId })
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const query = Effect.fn("PaymentOperations.query")(function* (id: PaymentId) {
        yield* noteQuery(id)
        const record = yield* inquiries.settle(id)
        const open = record.refunds.filter(({ status }) => isOpenRefund(status))
        yield* Effect.forEach(open, (refund) => refunds.tend(id, refund.id), { discard: true })
        return yield* show(id)
      })

      const scheduleCancel = Effect.fn("PaymentOperations.scheduleCancel")(
        function* (
          id: PaymentId,
          at: Date | null,
          { actor, reason }: { readonly actor: string; readonly reason: string }
        ) {
          const now = yield* DateTime.nowAsDate
          const traceId = yield* currentTraceId
          const changed = yield* schedule.scheduleCancel({ id, at, by: actor, why: reason, now, traceId }).pipe(
            Effect.tap((intent) =>
              Option.isNone(intent)
                ? Effect.void
                : audit.record({
                    action: "payment.schedule_cancel",
                    resource: { type: "payment", id },
                    merchantId: intent.value.merchantId,
                    reason,
                    after: { cancelAt: at }
                  })
            ),
            sql.withTransaction
          )
          if (Option.isSome(changed)) return changed.value.payment
          const record = yield* repo.read(id)
          if (Option.isNone(record)) return yield* new PaymentNotFound({ paymentId: id })
          return yield* new PaymentStateConflict({ paymentId: id, paymentStatus: record.value.intent.status })
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const showCallback = Effect.fn("PaymentOperations.showCallback")(function* (id: string) {
        const callback = yield* reads.findCallback(id)
        if (Option.isNone(callback)) return yield* new CallbackNotFound({ callbackId: id })
        return callback.value
      })

      return PaymentOperations.of({
        list: (filter) =>
          Effect.map(reads.list("all", filter), ({ data, nextCursor }) => ({
            data: data.map(({ payment }) => payment),
            nextCursor
          })),
        show,
        query,
        refund: Effect.fn("PaymentOperations.refund")(function* (
          paymentId,
          id,
          { amount, overridesPolicy = false, reason, surplus = false },
          actor
        ) {
          const { merchantId } = yield* intents.find(paymentId)
          const row = yield* refunds.request({
            policy: yield* policies.of(merchantId, yield* DateTime.nowAsDate),
            overridesPolicy,
            ofSurplus: surplus,
            id,
            paymentId,
            amount,
            reason,
            actor,
            stamp: yield* currentStamp,
            owns: () => true
          })
          return row.refund
        }),
        scheduleCancel,
        listCallbacks: (filter) => reads.listCallbacks(filter),
        showCallback,
        replayCallback: Effect.fn("PaymentOperations.replayCallback")(function* (id) {
          yield* showCallback(id)
          yield* Effect.orDie(audit.record({ action: "callback.replay", resource: { type: "callback", id } }))
          yield* callbacks.replay(CallbackId.make(id))
          return yield* showCallback(id)
        })
      })
    })
  )
}
