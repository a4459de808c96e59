import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { Currency } from "@mall/domain/kernel/Currency"
import { Money } from "@mall/domain/kernel/Money"
import type { CurrencyMismatch } from "@mall/domain/kernel/Money"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { PaymentPolicies } from "@mall/domain/merchants/PaymentPolicies"
import type { PaymentWayNotAllowed, RefundAgainstPolicy } from "@mall/domain/merchants/PolicyError"
import type { PaymentLimitExceeded, QuotaExceeded } from "@mall/domain/merchants/TermsError"
import { MerchantSuspended } from "@mall/domain/merchants/MerchantError"
import { MerchantStanding } from "@mall/domain/merchants/MerchantStanding"
import type {
  ChannelChoice,
  CreatedPayment,
  IssuedTicket,
  NewPayment,
  NewRefund,
  Payment,
  PaymentStep,
  Refund,
  TicketedStatus
} from "@mall/domain/payments/Payment"
import { RefundNotFound, TicketInvalid } from "@mall/domain/payments/PaymentError"
import type { ResumeWindowPassed } from "@mall/domain/payments/PaymentError"
import { PaymentId, PaymentNotFound, PaymentStateConflict, RefundId } from "@mall/domain/payments/PaymentGateway"
import type { PaymentUndecided, RefundExceedsCapture } from "@mall/domain/payments/PaymentGateway"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import type { Act } from "@mall/platform/audit/AuditRecorder"
import { currentStamp } from "@mall/platform/audit/CurrentActor"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { transactionOf } from "@mall/platform/Tenancy"
import { Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { Channels } from "../channel/Channels.ts"
import { assertWay } from "./assertWay.ts"
import { Closing } from "./Closing.ts"
import { Confirmations } from "./Confirmations.ts"
import type { ConfirmError } from "./Confirmations.ts"
import { isMerchantOf, isParty, merchantOf, tenantOf } from "./isParty.ts"
import { PaymentIntents } from "../store/PaymentIntents.ts"
import { PaymentRepo } from "../store/PaymentRepo.ts"
import { PaymentSchedule } from "../store/PaymentSchedule.ts"
import { PaymentReads } from "../store/PaymentReads.ts"
import type { PageRequest, PaymentFilter } from "../store/PaymentReads.ts"
import { IntentRow } from "../store/PaymentRecord.ts"
import { PaymentsConfig } from "../PaymentsConfig.ts"
import { Refunds } from "./Refunds.ts"
import { Tickets } from "./Tickets.ts"

/**
 * What payers and merchants do with payments, over HTTP or RPC. A payment that is neither the caller's as its payer nor as
 * its merchant's staff does not exist for them.
 */
export class Payments extends Context.Service<
  Payments,
  {
    /** `operationId` becomes the payment's id, so that a retry finds it. Nothing new is taken for a merchant who is suspended. */
    create(
      input: NewPayment,
      caller: Principal,
      operationId: string
    ): Effect.Effect<CreatedPayment, MerchantSuspended | PaymentLimitExceeded | PaymentWayNotAllowed | QuotaExceeded>
    show(id: PaymentId, caller: Principal): Effect.Effect<Payment, PaymentNotFound>
    list(filter: PaymentFilter, caller: Principal): Effect.Effect<Page<Payment>, InvalidCursor>
    /** Finds the payment by its reference, or its id, and confirms it. */
    start(orderNo: string, choice: ChannelChoice, caller: Principal): Effect.Effect<PaymentStep, ConfirmError>
    resumeOrder(orderNo: string, caller: Principal): Effect.Effect<PaymentStep, ConfirmError | ResumeWindowPassed>
    /** A payment that was paid meanwhile is a conflict. */
    cancel(
      id: PaymentId,
      caller: Principal
    ): Effect.Effect<Payment, PaymentNotFound | PaymentStateConflict | PaymentUndecided>
    /**
     * Cancels the payment by itself at `at`, as `cancel` would: asked about and closed at the channel first. Another time
     * replaces the one before, null takes it back.
     */
    scheduleCancel(
      id: PaymentId,
      at: Date | null,
      caller: Principal
    ): Effect.Effect<Payment, PaymentNotFound | PaymentStateConflict>
    /** For the page where the payment is paid. */
    issueTicket(id: PaymentId, caller: Principal): Effect.Effect<IssuedTicket, PaymentNotFound>
    status(id: PaymentId, ticket: string): Effect.Effect<TicketedStatus, TicketInvalid>
    /** The same for a page of ours, which has no more than the ticket and its own secret. */
    statusOfPage(ticket: string, page: string | undefined): Effect.Effect<TicketedStatus, TicketInvalid>
    statusOfOrder(orderNo: string, ticket: string): Effect.Effect<TicketedStatus, TicketInvalid>
    /** Only the merchant who asked for the payment may give it back, as far as their policy lets them. `operationId` becomes the refund's id. */
    refund(
      id: PaymentId,
      input: NewRefund,
      caller: Principal,
      operationId: string
    ): Effect.Effect<
      Refund,
      PaymentNotFound | PaymentStateConflict | RefundExceedsCapture | RefundAgainstPolicy | CurrencyMismatch
    >
    listRefunds(
      id: PaymentId,
      page: PageRequest,
      caller: Principal
    ): Effect.Effect<Page<Refund>, PaymentNotFound | InvalidCursor>
    showRefund(id: PaymentId, refundId: RefundId, caller: Principal): Effect.Effect<Refund, RefundNotFound>
  }
>()("@mall/payments/lifecycle/Payments") {
  static readonly layerNoDeps = Layer.effect(
    Payments,
    Effect.gen(function* () {
      const channels = yield* Channels
      const closing = yield* Closing
      const config = yield* PaymentsConfig
      const confirmations = yield* Confirmations
      const intents = yield* PaymentIntents
      const policies = yield* PaymentPolicies
      const reads = yield* PaymentReads
      const standings = yield* MerchantStanding
      const repo = yield* PaymentRepo
      const schedule = yield* PaymentSchedule
      const refunds = yield* Refunds
      const tickets = yield* Tickets
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder

      /** What staff of the merchant leave behind; a payer's own wish is in the payment's history. */
      const actOf = (caller: Principal, intent: IntentRow, act: Pick<Act, "action" | "before" | "after">) =>
        intent.payerId === caller.userId
          ? Effect.succeed([])
          : audit.prepare({ ...act, resource: { type: "payment", id: intent.id }, merchantId: intent.merchantId })

      const create = Effect.fn("Payments.create")(function* (
        { amount, channels, description, expiresIn, metadata, reference, returnUrl }: NewPayment,
        caller: Principal,
        operationId: string
      ) {
        const { merchantId } = caller
        if (Option.isSome(merchantId) && (yield* standings.of(merchantId.value)) === "suspended") {
          return yield* new MerchantSuspended({})
        }
        const now = yield* DateTime.nowAsDate
        const policy = yield* policies.of(Option.getOrNull(merchantId), now)
        for (const channel of channels ?? []) yield* assertWay(policy, { channel, method: null }, amount.currency)
        const lifetime = expiresIn === undefined ? config.expiry : Duration.seconds(expiresIn)
        const zero = Money.zero(amount.currency).amount
        const row = new IntentRow({
          id: PaymentId.make(operationId),
          merchantId: Option.getOrNull(merchantId),
          // A merchant's server asks for somebody else; who has no shop pays for themselves.
          payerId: Option.isNone(merchantId) ? caller.userId : null,
          amount: amount.amount,
          currency: amount.currency,
          captured: zero,
          refunded: zero,
          held: zero,
          status: "pending",
          reference,
          description,
          channels: channels ?? null,
          metadata: metadata ?? {},
          returnUrl: returnUrl ?? null,
          expiresAt: new Date(now.getTime() + Duration.toMillis(lifetime)),
          cancelAt: null,
          paidAt: null,
          createdAt: now
        })
        const acts = yield* audit.prepare({
          action: "payment.create",
          resource: { type: "payment", id: row.id },
          merchantId: row.merchantId,
          after: { amount: row.money, reference, description }
        })
        const { payment } = yield* intents.create(row, caller.actorName, acts)
        const created: CreatedPayment = { ...payment, ticket: yield* tickets.issue(payment.id) }
        return created
      })

      const own = Effect.fnUntraced(function* (id: PaymentId, caller: Principal) {
        const intent = yield* intents.find(id, tenantOf(caller))
        if (!isParty(caller, intent)) return yield* new PaymentNotFound({ paymentId: id })
        return intent
      })

      const ownOrder = Effect.fnUntraced(function* (orderNo: string, caller: Principal) {
        const intent = yield* reads.findOwn(caller, orderNo)
        if (Option.isNone(intent)) return yield* new PaymentNotFound({ paymentId: orderNo })
        return intent.value.id
      })

      const cancel = Effect.fn("Payments.cancel")(function* (id: PaymentId, caller: Principal) {
        const before = yield* own(id, caller)
        const after = { status: "canceled" }
        const outcome = yield* closing.close({
          acts: yield* actOf(caller, before, { action: "payment.cancel", before: { status: before.status }, after }),
          paymentId: id,
          actor: caller.actorName,
          reason: "canceled by its party"
        })
        const intent = yield* intents.find(id)
        if (outcome === "succeeded") {
          return yield* new PaymentStateConflict({ paymentId: id, paymentStatus: intent.status })
        }
        return intent.payment
      })

      /** Most payments come whole: only where they need not are the tries read as well. */
      const takesParts = (currency: Currency) =>
        channels.all.some((channel) => channel.takesParts === true && channel.currencies.has(currency))

      const underpaymentOf = (id: PaymentId) =>
        repo.read(id).pipe(
          Effect.map(
            Option.match({
              onNone: () => undefined,
              onSome: ({ attempts }) => attempts.find(({ underpayment }) => underpayment !== undefined)?.underpayment
            })
          ),
          Effect.catchTag("SqlError", Effect.die)
        )

      const redeem = Effect.fnUntraced(function* (ids: ReadonlyArray<PaymentId> | "any", shown: string, page?: string) {
        const { next, paymentId } = yield* tickets.redeem(ids, shown, page)
        const { currency, expiresAt, money, status } = yield* intents
          .find(paymentId)
          .pipe(Effect.mapError(() => new TicketInvalid({})))
        const underpaid = status === "processing" && takesParts(currency) ? yield* underpaymentOf(paymentId) : undefined
        const answer: TicketedStatus = {
          id: paymentId,
          status,
          amount: money,
          expiresAt,
          ticket: next,
          ...(underpaid === undefined ? {} : { underpaid })
        }
        return answer
      })

      const refund = Effect.fn("Payments.refund")(function* (
        paymentId: PaymentId,
        { amount, reason }: NewRefund,
        caller: Principal,
        operationId: string
      ) {
        const merchantId = Option.getOrNull(merchantOf(caller))
        const row = yield* refunds
          .request({
            policy: yield* policies.of(merchantId, yield* DateTime.nowAsDate),
            id: RefundId.make(operationId),
            paymentId,
            amount,
            reason,
            actor: caller.actorName,
            stamp: yield* currentStamp,
            ...(merchantId === null ? {} : { tenant: { merchantId } }),
            owns: (intent) => isMerchantOf(caller, intent)
          })
          .pipe(
            // the id is that of the operation, which nobody else has
            Effect.catchTag("RefundIdTaken", Effect.die)
          )
        return row.refund
      })

      const listRefunds = Effect.fn("Payments.listRefunds")(function* (
        id: PaymentId,
        page: PageRequest,
        caller: Principal
      ) {
        yield* own(id, caller)
        const { data, nextCursor } = yield* reads.listRefunds(caller, id, page)
        return { data: data.map((row) => row.refund), nextCursor }
      })

      const showRefund = Effect.fn("Payments.showRefund")(function* (
        id: PaymentId,
        refundId: RefundId,
        caller: Principal
      ) {
        yield* own(id, caller).pipe(Effect.mapError(() => new RefundNotFound({ refundId })))
        const row = yield* reads.findRefund(caller, id, refundId)
        if (Option.isNone(row)) return yield* new RefundNotFound({ refundId })
        return row.value.refund
      })

      return Payments.of({
        create,
        show: (id, caller) => Effect.map(own(id, caller), ({ payment }) => payment),
        list: (filter, caller) =>
          Effect.map(reads.list(caller, filter), ({ data, nextCursor }) => ({
            data: data.map(({ payment }) => payment),
            nextCursor
          })),
        start: (orderNo, choice, caller) =>
          Effect.flatMap(ownOrder(orderNo, caller), (id) => confirmations.confirm(id, choice, caller)),
        resumeOrder: (orderNo, caller) =>
          Effect.flatMap(ownOrder(orderNo, caller), (id) => confirmations.resume(id, caller)),
        cancel,
        scheduleCancel: Effect.fn("Payments.scheduleCancel")(
          function* (id, at, caller) {
            const { cancelAt } = yield* own(id, caller)
            const now = yield* DateTime.nowAsDate
            const traceId = yield* currentTraceId
            const changed = yield* Effect.gen(function* () {
              const intent = yield* schedule.scheduleCancel({ id, at, by: caller.actorName, why: null, now, traceId })
              if (Option.isNone(intent)) return intent
              const fields = { before: { cancelAt }, after: { cancelAt: at } }
              yield* audit.insert(yield* actOf(caller, intent.value, { action: "payment.schedule_cancel", ...fields }))
              return intent
            }).pipe(transactionOf(sql, "mall_pay_tenant", tenantOf(caller)))
            if (Option.isSome(changed)) return changed.value.payment
            const { status } = yield* intents.find(id)
            return yield* new PaymentStateConflict({ paymentId: id, paymentStatus: status })
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        issueTicket: Effect.fn("Payments.issueTicket")(function* (id, caller) {
          yield* own(id, caller)
          const ticket = yield* tickets.issue(id)
          return { ticket, url: `/pay/${ticket}` }
        }),
        status: (id, ticket) => redeem([id], ticket),
        statusOfPage: (ticket, page) => redeem("any", ticket, page),
        statusOfOrder: Effect.fn("Payments.statusOfOrder")(function* (orderNo, ticket) {
          // any number of merchants may have an order of this number: the ticket says whose is meant
          const shown = Option.getOrUndefined(yield* tickets.paymentOf(ticket))
          const isOfOrder =
            shown !== undefined &&
            (shown === orderNo ||
              (yield* Effect.match(intents.find(shown), {
                onFailure: () => false,
                onSuccess: ({ reference }) => reference === orderNo
              })))
          return yield* redeem(isOfOrder ? [shown] : [], ticket)
        }),
        refund,
        listRefunds,
        showRefund
      })
    })
  )
}
