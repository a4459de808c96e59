import { ChannelUnavailable, PaymentDeclined } from "@mall/domain/payments/PaymentError"
import { PaymentUndecided } from "@mall/domain/payments/PaymentGateway"
import type { PaymentNotFound } from "@mall/domain/payments/PaymentGateway"
import { isOpenAttempt } from "@mall/domain/payments/PaymentLifecycle"
import type { AttemptId } from "@mall/domain/payments/Payment"
import { Context, Effect, Layer, Option, Result } from "effect"
import type { Channel, ChannelOrder } from "../channel/Channel.ts"
import type { ChannelError } from "../channel/ChannelError.ts"
import { Channels } from "../channel/Channels.ts"
import type { PaymentDraft } from "../store/PaymentDraft.ts"
import type { AttemptRow, IntentRow } from "../store/PaymentRecord.ts"
import { PaymentStore } from "../store/PaymentStore.ts"
import { Inquiries, toChannelAttempt } from "./Inquiries.ts"

/** What became of a try that its channel was told of. */
type Outcome =
  | { readonly type: "step"; readonly intent: IntentRow; readonly attempt: AttemptRow }
  /** The try was closed or paid while the channel was called. */
  | { readonly type: "late"; readonly intent: IntentRow; readonly attempt: AttemptRow }

/** Tells the channel of a try that is committed, and keeps what it answers. */
export class TryCreation extends Context.Service<
  TryCreation,
  {
    /** `isFirstCall`: nobody else can have told the channel of it. */
    create(
      intent: IntentRow,
      attempt: AttemptRow,
      isFirstCall: boolean
    ): Effect.Effect<Outcome, PaymentNotFound | PaymentUndecided | PaymentDeclined | ChannelUnavailable>
  }
>()("@mall/payments/lifecycle/TryCreation") {
  static readonly layerNoDeps = Layer.effect(
    TryCreation,
    Effect.gen(function* () {
      const channels = yield* Channels
      const inquiries = yield* Inquiries
      const store = yield* PaymentStore

      const settleCreation = (
        draft: PaymentDraft,
        channel: Channel,
        id: AttemptId,
        created: Result.Result<ChannelOrder, ChannelError>,
        isFirstCall: boolean
      ): Effect.Effect<Outcome, PaymentUndecided> => {
        const attempt = draft.attempt(id)
        if (attempt === undefined) return Effect.die(new Error(`The attempt ${id} was lost`))
        const step = (row: AttemptRow): Outcome => ({ type: "step", intent: draft.intent, attempt: row })
        if (!isOpenAttempt(attempt.status)) {
          return Effect.succeed({ type: "late", intent: draft.intent, attempt })
        }
        if (Result.isSuccess(created)) {
          return Effect.succeed(
            step(attempt.status === "processing" ? attempt : draft.offer(attempt, created.success, channel.id))
          )
        }
        const { reason } = created.failure
        // Another call with the same number got the action: that is the truth.
        if (attempt.status === "processing") return Effect.succeed(step(attempt))
        if (reason._tag === "ChannelOutcomeUnknown") return Effect.succeed(step(draft.lose(attempt, reason.code)))
        // Of this call nothing came. Of a former one, lost, crashed or still on its way, it is not known.
        if ((attempt.status === "unknown" || !isFirstCall) && reason._tag !== "ChannelDeclined") {
          return Effect.fail(new PaymentUndecided({ paymentId: draft.intent.id }))
        }
        return Effect.succeed(step(draft.fail(attempt, "failed", reason.code)))
      }

      /** By the account that the try began with, also where the merchant has another one since. */
      const accountOf = Effect.fnUntraced(function* ({ merchantId }: IntentRow, attempt: AttemptRow) {
        const available = yield* channels.of(merchantId)
        const channel = available.madeWith(attempt.channel, attempt.credentialId)
        if (Option.isNone(channel)) return yield* new PaymentUndecided({ paymentId: attempt.paymentId })
        return channel.value
      })

      const create = Effect.fn("TryCreation.create")(function* (
        intent: IntentRow,
        attempt: AttemptRow,
        isFirstCall: boolean
      ) {
        const channel = yield* accountOf(intent, attempt)
        const input = toChannelAttempt(intent, attempt)
        const created = yield* Effect.result(channel.create(input))
        const outcome = yield* store.change(intent.id, `channel:${channel.id}`, (draft) =>
          settleCreation(draft, channel, attempt.id, created, isFirstCall)
        )
        const mayBeThere = Result.isSuccess(created) || created.failure.reason._tag === "ChannelOutcomeUnknown"
        if (outcome.type === "late" && mayBeThere) {
          // It ended while the channel was called. Nobody was shown its action, and nobody may pay it.
          const reference = Result.isSuccess(created) ? created.success.channelReference : undefined
          yield* inquiries
            .bury(intent.id, attempt.id, reference ?? null)
            .pipe(
              Effect.catchTag("PaymentUndecided", () =>
                Effect.logWarning("could not close a try that came too late").pipe(
                  Effect.annotateLogs({ paymentId: intent.id, attemptId: attempt.id })
                )
              )
            )
        }
        if (Result.isFailure(created)) {
          const { reason } = created.failure
          yield* Effect.logWarning("channel did not take a payment").pipe(
            Effect.annotateLogs({
              paymentId: intent.id,
              attemptId: attempt.id,
              channel: channel.id,
              code: reason.code,
              certainty: reason._tag
            })
          )
          if (outcome.type === "step" && outcome.attempt.status === "failed") {
            return yield* reason._tag === "ChannelDeclined"
              ? new PaymentDeclined({ paymentId: intent.id, reason: reason.code })
              : new ChannelUnavailable({ channel: channel.id })
          }
        }
        return outcome
      })

      return TryCreation.of({ create })
    })
  )
}
