import { PaymentPolicies } from "@mall/domain/merchants/PaymentPolicies"
import { mayUseChannel, mayUseMethod } from "@mall/domain/merchants/PaymentPolicy"
import type { ChannelId, Ticket } from "@mall/domain/payments/Payment"
import type { TicketInvalid } from "@mall/domain/payments/PaymentError"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { isOpenAttempt } from "@mall/domain/payments/PaymentLifecycle"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import QRCode from "qrcode"
import { Channels } from "../channel/Channels.ts"
import { Confirmations } from "../lifecycle/Confirmations.ts"
import type { AttemptRow, IntentRow } from "../store/PaymentRecord.ts"
import { PaymentRepo } from "../store/PaymentRepo.ts"
import { Tickets } from "../lifecycle/Tickets.ts"
import { Brandings } from "./Brandings.ts"
import { cardFormOf } from "./cardForm.ts"
import type { Stage, View, Way } from "./cashierPage.ts"
import type { TextKey } from "./cashierTexts.ts"

export type Shown = Omit<View, "language" | "nonce">

/** Where the buyer's page goes on, and what it says there. */
export interface Started {
  readonly next: Ticket
  readonly notice: TextKey | undefined
}

/** What the page says of each way in which a confirmation fails. */
const noticeOf = {
  PaymentDeclined: "declined",
  ChannelUnavailable: "unavailable",
  ChannelNotOffered: "notOffered",
  PaymentUndecided: "undecided",
  PaymentRefused: "refused",
  PaymentChallenged: "challenged",
  PaymentInReview: "inReview",
  PaymentUnchecked: "unavailable",
  PaymentWayNotAllowed: "notOffered",
  // the page itself shows how it stands
  PaymentStateConflict: undefined,
  PaymentExpired: undefined,
  PaymentNotFound: undefined
} as const satisfies Record<string, TextKey | undefined>

/**
 * The buyer's page. All it acts by is the ticket in its address: of one payment, for one look or one step, replaced by the next. It
 * can pay a payment and see how it stands, and nothing else. `page` is the secret of the buyer's browser (`Tickets.redeem`).
 */
export class Cashier extends Context.Service<
  Cashier,
  {
    /** `isChoosing`: the buyer wants another way than the one that is open. */
    show(ticket: string, page: string, isChoosing: boolean): Effect.Effect<Shown, TicketInvalid>
    start(
      ticket: string,
      page: string | undefined,
      channel: ChannelId,
      method: string
    ): Effect.Effect<Started, TicketInvalid>
  }
>()("@mall/payments/cashier/Cashier") {
  static readonly layerNoDeps = Layer.effect(
    Cashier,
    Effect.gen(function* () {
      const brandings = yield* Brandings
      const channels = yield* Channels
      const confirmations = yield* Confirmations
      const policies = yield* PaymentPolicies
      const repo = yield* PaymentRepo
      const tickets = yield* Tickets

      const waysOf = Effect.fnUntraced(function* ({ channels: allowed, currency, merchantId }: IntentRow) {
        const available = yield* channels.of(merchantId)
        const policy = yield* policies.of(merchantId, yield* DateTime.nowAsDate)
        const offered = available.offered(currency, allowed).filter((id) => mayUseChannel(policy, id))
        return offered.flatMap((id): ReadonlyArray<Way> =>
          Option.match(available.find(id), {
            onNone: () => [],
            onSome: ({ pageMethods }) =>
              pageMethods.filter((method) => mayUseMethod(policy, method)).map((method) => ({ channel: id, method }))
          })
        )
      })

      const stageOf = Effect.fnUntraced(function* (
        intent: IntentRow,
        attempts: ReadonlyArray<AttemptRow>,
        isChoosing: boolean
      ): Effect.fn.Return<Stage> {
        if (intent.captured > 0) {
          const isRefunded = intent.status === "refunded"
          return { type: "over", text: isRefunded ? "refunded" : "succeeded" }
        }
        if (intent.status === "canceled") return { type: "over", text: "canceled" }
        if ((yield* DateTime.nowAsDate) >= intent.endsAt) return { type: "over", text: "expired" }
        const open = attempts.find(({ status }) => isOpenAttempt(status))
        if (open === undefined || isChoosing) {
          return { type: "choose", ways: yield* waysOf(intent), isRepeated: attempts.length > 0 }
        }
        const { channel, method } = open
        const action = open.action ?? { type: "none" as const }
        const qr =
          action.type === "qr"
            ? yield* Effect.promise(() => QRCode.toString(action.content, { type: "svg", margin: 2 }))
            : undefined
        const made = (yield* channels.of(intent.merchantId)).madeWith(channel, open.credentialId)
        const form = cardFormOf(action, Option.getOrUndefined(made)?.pageScript)
        return { type: "act", action, qr, form, way: { channel, method } }
      })

      const read = (id: PaymentId) =>
        repo.read(id).pipe(
          Effect.catchTag("SqlError", Effect.die),
          Effect.flatMap(
            Option.match({
              onNone: () => Effect.die(new Error(`The payment ${id} of a ticket is gone`)),
              onSome: Effect.succeed
            })
          )
        )

      return Cashier.of({
        show: Effect.fn("Cashier.show")(function* (ticket, page, isChoosing) {
          const { next, paymentId } = yield* tickets.redeem("any", ticket, page)
          yield* Effect.annotateCurrentSpan({ paymentId })
          const { attempts, intent } = yield* read(paymentId)
          const stage = yield* stageOf(intent, attempts, isChoosing)
          const isAfterFailure = stage.type === "choose" && attempts.at(-1)?.status === "failed"
          return {
            branding: yield* brandings.of(intent.merchantId),
            intent,
            next,
            stage,
            underpaid: attempts.find(({ underpayment }) => underpayment !== undefined)?.underpayment,
            notice: isAfterFailure ? "failed" : undefined
          }
        }),
        start: Effect.fn("Cashier.start")(function* (ticket, page, channel, method) {
          const { next, paymentId } = yield* tickets.redeem("any", ticket, page)
          yield* Effect.annotateCurrentSpan({ paymentId, channel })
          return yield* confirmations.confirm(paymentId, { channel, method }, { ticketOf: paymentId }).pipe(
            Effect.match({
              onFailure: (error): Started => ({ next, notice: noticeOf[error._tag] }),
              onSuccess: (): Started => ({ next, notice: undefined })
            })
          )
        })
      })
    })
  )
}
