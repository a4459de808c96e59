import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { mayUseChannel, mayUseMethod } from "@mall/domain/merchants/PaymentPolicy"
import type { PaymentPolicy } from "@mall/domain/merchants/PaymentPolicy"
import type { PaymentWayNotAllowed } from "@mall/domain/merchants/PolicyError"
import type { AttemptId, ChannelChoice, ChannelId } from "@mall/domain/payments/Payment"
import { ChannelNotOffered } from "@mall/domain/payments/PaymentError"
import type { RouteDecision } from "@mall/domain/payments/Routing"
import { Effect, Option } from "effect"
import type { Channel } from "../channel/Channel.ts"
import type { MerchantChannels } from "../channel/Channels.ts"
import type { PaymentDraft } from "../store/PaymentDraft.ts"
import type { AttemptRow, IntentRow } from "../store/PaymentRecord.ts"
import { assertWay } from "./assertWay.ts"

/** What a merchant's payments may go through. */
export interface Offer {
  readonly available: MerchantChannels
  readonly policy: PaymentPolicy
}

export interface Choice {
  readonly channel: Channel
  readonly method: string
  readonly payer: Readonly<Record<string, string>>
  readonly decision: RouteDecision
}

/** What is to be done with the payment as it stands. */
export type Opening =
  | { readonly type: "answered"; readonly intent: IntentRow; readonly attempt: AttemptRow }
  | { readonly type: "create"; readonly intent: IntentRow; readonly attempt: AttemptRow }
  | { readonly type: "ask" }
  | { readonly type: "closeFormer" }
  /** A try would begin that was open when risk was to be asked, so that it was not. */
  | { readonly type: "clear"; readonly way: { readonly channel: ChannelId; readonly method: string } }
  /** The accounts of its merchant and the policy have to be read first, outside the transaction. */
  | { readonly type: "findOffer"; readonly merchantId: MerchantId | null }

const byBuyer: RouteDecision = { by: "buyer", version: 0, rule: null, candidates: [], fallbackOf: null }

/** The channel that the buyer names, with its method or the first that may be used, where it is offered. */
export const choiceOf = (
  intent: IntentRow,
  { available, policy }: Offer,
  wanted: ChannelId,
  choice: ChannelChoice
): Effect.Effect<Choice, ChannelNotOffered> => {
  const offered = available.offered(intent.currency, intent.channels)
  const channel = Option.getOrUndefined(available.find(wanted))
  const method = choice.method ?? channel?.methods.find((each) => mayUseMethod(policy, each)) ?? channel?.methods[0]
  return channel !== undefined &&
    method !== undefined &&
    offered.includes(channel.id) &&
    channel.methods.includes(method)
    ? Effect.succeed({ channel, method, payer: choice.payer ?? {}, decision: byBuyer })
    : Effect.fail(
        new ChannelNotOffered({ channel: wanted, offered: offered.filter((id) => mayUseChannel(policy, id)) })
      )
}

/** Begins a try, or tells what stands in its way. Changes the draft only. `why` is what risk said, where it was asked. */
export const openTry = Effect.fnUntraced(function* (
  draft: PaymentDraft,
  choice: Choice,
  policy: PaymentPolicy,
  newId: AttemptId,
  why: string | undefined
): Effect.fn.Return<Opening, PaymentWayNotAllowed> {
  const former = draft.openAttempt
  // what is under way goes on, whatever the policy says since
  if (former?.channel !== choice.channel.id || former.method !== choice.method) {
    yield* assertWay(policy, { channel: choice.channel.id, method: choice.method }, draft.intent.currency)
  }
  if (former === undefined) {
    const { channel, decision, method, payer } = choice
    if (why === undefined) return { type: "clear", way: { channel: channel.id, method } }
    const credentialId = channel.own?.credentialId ?? null
    const attempt = draft.begin(newId, { channel: channel.id, method, payer, credentialId, decision }, why)
    return { type: "create", intent: draft.intent, attempt }
  }
  if (former.channel !== choice.channel.id || former.method !== choice.method) {
    return { type: "closeFormer" }
  }
  if (former.action !== null) {
    return { type: "answered", intent: draft.intent, attempt: former }
  }
  // A try that another call has just begun, or that a crash left: the channel takes the same number again.
  return former.status === "unknown" ? { type: "ask" } : { type: "create", intent: draft.intent, attempt: former }
})
