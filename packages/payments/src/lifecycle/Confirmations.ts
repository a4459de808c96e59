import { generator } from "@mall/domain/kernel/Id"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentPolicies } from "@mall/domain/merchants/PaymentPolicies"
import { mayUseChannel } from "@mall/domain/merchants/PaymentPolicy"
import type { PaymentWayNotAllowed } from "@mall/domain/merchants/PolicyError"
import { AttemptId } from "@mall/domain/payments/Payment"
import type { ChannelChoice, ChannelId, PaymentStep } from "@mall/domain/payments/Payment"
import {
  ChannelNotOffered,
  ChannelUnavailable,
  PaymentDeclined,
  PaymentExpired,
  ResumeWindowPassed
} from "@mall/domain/payments/PaymentError"
import { PaymentNotFound, PaymentStateConflict, PaymentUndecided } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { isOpenAttempt } from "@mall/domain/payments/PaymentLifecycle"
import { Context, DateTime, Duration, Effect, Layer, Option, Result } from "effect"
import type { Channel } from "../channel/Channel.ts"
import { Channels } from "../channel/Channels.ts"
import { assertWay } from "./assertWay.ts"
import { Inquiries } from "./Inquiries.ts"
import { actorOf, isParty, tenantOf } from "./isParty.ts"
import type { Caller } from "./isParty.ts"
import type { PaymentDraft } from "../store/PaymentDraft.ts"
import type { AttemptRow, IntentRow, PaymentRecord } from "../store/PaymentRecord.ts"
import { PaymentRepo } from "../store/PaymentRepo.ts"
import { PaymentsConfig } from "../PaymentsConfig.ts"
import { PaymentStore } from "../store/PaymentStore.ts"
import { ChannelRouter, nothingTried } from "../routing/ChannelRouter.ts"
import { choiceOf, openTry } from "./openTry.ts"
import type { Choice, Offer, Opening } from "./openTry.ts"
import { RiskGuard } from "./RiskGuard.ts"
import type { RiskError } from "./RiskGuard.ts"
import { Tickets } from "./Tickets.ts"
import { TryCreation } from "./TryCreation.ts"

export type ConfirmError =
  | PaymentNotFound
  | PaymentStateConflict
  | PaymentExpired
  | PaymentUndecided
  | PaymentDeclined
  | ChannelNotOffered
  | ChannelUnavailable
  | PaymentWayNotAllowed
  | RiskError

const maxRounds = 6

/** How many channels one confirmation tries where the buyer named none. */
const maxHops = 3

/**
 * Whether another channel may be tried after this answer: only where it is certain that nothing was taken, and the next
 * channel may well say otherwise.
 */
const mayGoElsewhere = (error: ConfirmError, { advice }: Channel) =>
  error._tag === "ChannelUnavailable" ||
  (error._tag === "PaymentDeclined" && ["retryOther", "unsuited"].includes(advice[error.reason] ?? "stop"))

const newAttemptId = generator(AttemptId)

/** Leaves out what is undefined. */
const given = ({ country, method }: { readonly country: string | undefined; readonly method: string | undefined }) => ({
  ...(country === undefined ? {} : { country }),
  ...(method === undefined ? {} : { method })
})

/**
 * Starts to pay. A try is committed before its channel hears of it, and its outcome after: whatever happens between is
 * found again by its number. No two tries are ever open at the same time.
 */
export class Confirmations extends Context.Service<
  Confirmations,
  {
    /**
     * The same channel again answers with the same action, also for two calls at the same time; another one closes the former
     * try first. Where no channel is named, an open try goes on, and else the router chooses: a channel that certainly took
     * nothing is followed by the next one, each a try of its own.
     */
    confirm(id: PaymentId, choice: ChannelChoice, caller: Caller): Effect.Effect<PaymentStep, ConfirmError>
    /** Ends the former try, by question or by closing, and starts a new one through the same channel. */
    resume(id: PaymentId, caller: Caller): Effect.Effect<PaymentStep, ConfirmError | ResumeWindowPassed>
  }
>()("@mall/payments/lifecycle/Confirmations") {
  static readonly layerNoDeps = Layer.effect(
    Confirmations,
    Effect.gen(function* () {
      const channels = yield* Channels
      const creation = yield* TryCreation
      const inquiries = yield* Inquiries
      const policies = yield* PaymentPolicies
      const repo = yield* PaymentRepo
      const risk = yield* RiskGuard
      const router = yield* ChannelRouter
      const store = yield* PaymentStore
      const tickets = yield* Tickets
      const { resumeWindow } = yield* PaymentsConfig

      const conflict = ({ id, status }: IntentRow) => new PaymentStateConflict({ paymentId: id, paymentStatus: status })

      const assertPayable = Effect.fnUntraced(function* (draft: PaymentDraft, caller: Caller) {
        const { intent } = draft
        if (!isParty(caller, intent)) return yield* new PaymentNotFound({ paymentId: intent.id })
        if (draft.isOver) return yield* conflict(intent)
        if (draft.context.now >= intent.endsAt) return yield* new PaymentExpired({ paymentId: intent.id })
      })

      const offerOf = Effect.fnUntraced(function* (merchantId: MerchantId | null): Effect.fn.Return<Offer> {
        const available = yield* channels.of(merchantId)
        return { available, policy: yield* policies.of(merchantId, yield* DateTime.nowAsDate) }
      })

      const toStep = Effect.fnUntraced(function* (intent: IntentRow, attempt: AttemptRow) {
        const { action, channel, id, method, status } = attempt
        const step: PaymentStep = {
          id: intent.id,
          status: intent.status,
          attempt: { id, channel, method, status },
          action: action ?? { type: "none" },
          expiresAt: intent.expiresAt,
          ticket: yield* tickets.issue(intent.id)
        }
        return step
      })

      const confirmThrough = Effect.fnUntraced(function* (
        id: PaymentId,
        choose: (intent: IntentRow, offer: Offer) => Effect.Effect<Choice, ChannelNotOffered>,
        wanted: ChannelChoice,
        caller: Caller,
        /** What is to be kept of why a try may be made; nothing where one was open, which goes on. */
        cleared?: string
      ): Effect.fn.Return<PaymentStep, ConfirmError> {
        const newId = yield* newAttemptId
        let why = cleared
        for (let round = 0; round < maxRounds; round++) {
          const open = Effect.fnUntraced(function* (draft: PaymentDraft): Effect.fn.Return<Opening, ConfirmError> {
            yield* assertPayable(draft, caller)
            const { merchantId } = draft.intent
            const available = channels.peek(merchantId)
            const policy = policies.peek(merchantId, draft.context.now)
            if (available === undefined || policy === undefined) return { type: "findOffer", merchantId }
            return yield* openTry(draft, yield* choose(draft.intent, { available, policy }), policy, newId, why)
          })
          const opening = yield* store.change(id, actorOf(caller), open, tenantOf(caller))
          switch (opening.type) {
            case "findOffer":
              yield* offerOf(opening.merchantId)
              break
            case "clear":
              why = yield* clear(yield* readOwn(id, caller), opening.way, wanted, caller)
              break
            case "answered":
              return yield* toStep(opening.intent, opening.attempt)
            case "closeFormer":
              yield* inquiries.closeOpen(id, "CHANNEL_CHANGED")
              break
            case "ask":
            case "create": {
              const attempt = opening.type === "create" ? opening : yield* askAgain(id)
              if (attempt === undefined) break
              const outcome = yield* creation.create(attempt.intent, attempt.attempt, attempt.attempt.id === newId)
              if (outcome.type === "late") return yield* conflict(outcome.intent)
              return yield* toStep(outcome.intent, outcome.attempt)
            }
          }
        }
        return yield* new PaymentUndecided({ paymentId: id })
      })

      /** Asks about a try whose outcome is unknown. Where the channel says that it is unpaid, it is to be created again. */
      const askAgain = Effect.fnUntraced(function* (id: PaymentId) {
        // `PaymentUndecided` of an unpaid try means no more than that we have no action for it.
        yield* inquiries.settle(id).pipe(Effect.catchTag("PaymentUndecided", () => Effect.void))
        const record = yield* repo.read(id).pipe(Effect.catchTag("SqlError", Effect.die))
        if (Option.isNone(record)) return yield* new PaymentNotFound({ paymentId: id })
        const { attempts, intent } = record.value
        const attempt = attempts.find(({ status }) => status === "unknown")
        return attempt === undefined ? undefined : { intent, attempt }
      })

      const readOwn = Effect.fnUntraced(
        function* (id: PaymentId, caller: Caller) {
          const record = yield* repo.read(id, tenantOf(caller))
          if (Option.isNone(record) || !isParty(caller, record.value.intent)) {
            return yield* new PaymentNotFound({ paymentId: id })
          }
          return record.value
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      /** Asks the policy and risk, before anything is locked, whether a try may be made; nothing where none will be. */
      const clear = Effect.fnUntraced(function* (
        record: PaymentRecord,
        way: { readonly channel: ChannelId; readonly method: string },
        wanted: ChannelChoice,
        caller: Caller
      ) {
        const { attempts, intent } = record
        const now = yield* DateTime.nowAsDate
        const isPayable = intent.captured === 0 && intent.status !== "canceled" && now < intent.endsAt
        const isOpen = attempts.some(
          ({ channel, method, status }) => isOpenAttempt(status) && channel === way.channel && method === way.method
        )
        if (!isPayable || isOpen) return undefined
        yield* assertWay(yield* policies.of(intent.merchantId, now), way, intent.currency)
        return yield* risk.pass(record, way, wanted, caller)
      })

      const confirmChosen = Effect.fnUntraced(function* (
        id: PaymentId,
        channel: ChannelId,
        wanted: ChannelChoice,
        caller: Caller
      ) {
        const record = yield* readOwn(id, caller)
        const { intent } = record
        const { method } = yield* choiceOf(intent, yield* offerOf(intent.merchantId), channel, wanted)
        const why = yield* clear(record, { channel, method }, wanted, caller)
        return yield* confirmThrough(id, (now, offer) => choiceOf(now, offer, channel, wanted), wanted, caller, why)
      })

      const confirmRouted = Effect.fnUntraced(function* (id: PaymentId, wanted: ChannelChoice, caller: Caller) {
        const record = yield* readOwn(id, caller)
        const { attempts, intent } = record
        const open = attempts.find(({ status }) => isOpenAttempt(status))
        if (open !== undefined) {
          return yield* confirmThrough(id, (now, offer) => choiceOf(now, offer, open.channel, open), wanted, caller)
        }
        const { country, method, payer = {} } = wanted
        const { amount, channels: allowed, currency, merchantId } = intent
        const question = { amount, currency, merchantId, ...given({ country, method }) }
        let former = nothingTried
        let why: string | undefined
        const { available, policy } = yield* offerOf(merchantId)
        const offered = available.offered(currency, allowed).filter((each) => mayUseChannel(policy, each))
        let refused: ConfirmError = new ChannelNotOffered({ channel: "any", offered })
        for (let hop = 0; hop < maxHops; hop++) {
          const route = yield* router.route(question, allowed, former)
          if (Option.isNone(route)) break
          const { channel, method } = route.value
          // One wish of the buyer is one check, however many channels it takes.
          if (hop === 0) why = yield* clear(record, { channel: channel.id, method }, wanted, caller)
          const result = yield* Effect.result(
            confirmThrough(id, () => Effect.succeed({ ...route.value, payer }), wanted, caller, why)
          )
          if (Result.isSuccess(result)) return result.success
          refused = result.failure
          if (!mayGoElsewhere(refused, channel)) break
          const last = (yield* readOwn(id, caller)).attempts.at(-1)
          former = { tried: new Set([...former.tried, channel.id]), fallbackOf: last?.id ?? null }
        }
        return yield* refused
      })

      const confirm = Effect.fn("Confirmations.confirm")(function* (
        id: PaymentId,
        wanted: ChannelChoice,
        caller: Caller
      ): Effect.fn.Return<PaymentStep, ConfirmError> {
        const { channel } = wanted
        yield* Effect.annotateCurrentSpan({ paymentId: id, channel: channel ?? "any" })
        return channel === undefined
          ? yield* confirmRouted(id, wanted, caller)
          : yield* confirmChosen(id, channel, wanted, caller)
      })

      const resume = Effect.fn("Confirmations.resume")(function* (id: PaymentId, caller: Caller) {
        const { attempts, intent } = yield* readOwn(id, caller)
        const last = attempts.at(-1)
        const choice = last === undefined ? {} : { channel: last.channel, method: last.method, payer: last.payer }
        const assertResumable = Effect.fnUntraced(function* (draft: PaymentDraft) {
          yield* assertPayable(draft, caller)
          const age = draft.context.now.getTime() - intent.createdAt.getTime()
          if (age > Duration.toMillis(resumeWindow)) return yield* new ResumeWindowPassed({ paymentId: id })
        })
        yield* store.change(id, actorOf(caller), assertResumable, tenantOf(caller))
        yield* inquiries.closeOpen(id, "RESUMED")
        return yield* confirm(id, choice, caller)
      })

      return Confirmations.of({ confirm, resume })
    })
  )
}
