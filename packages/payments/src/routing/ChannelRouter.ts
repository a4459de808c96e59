import { PaymentPolicies } from "@mall/domain/merchants/PaymentPolicies"
import { mayUseChannel, mayUseMethod } from "@mall/domain/merchants/PaymentPolicy"
import type { AttemptId, ChannelId } from "@mall/domain/payments/Payment"
import type {
  RouteCandidate,
  RouteDecision,
  RouteQuestion,
  RouteRule,
  RouteTarget
} from "@mall/domain/payments/Routing"
import { Config, Context, DateTime, Effect, Layer, Option, Random, Schema } from "effect"
import type { Channel } from "../channel/Channel.ts"
import { Channels } from "../channel/Channels.ts"
import { ChannelHealth } from "./ChannelHealth.ts"
import type { Health } from "./ChannelHealth.ts"
import { RoutingTables } from "./RoutingTables.ts"

export interface Route {
  readonly channel: Channel
  readonly method: string
  readonly decision: RouteDecision
}

/** What was tried for this payment before, and the try whose place the next one takes. */
export interface Former {
  readonly tried: ReadonlySet<ChannelId>
  readonly fallbackOf: AttemptId | null
}

export const nothingTried: Former = { tried: new Set(), fallbackOf: null }

/** The share of payments that go to a channel that fails, so that its recovery is seen. */
const Exploration = Config.schema(
  Schema.FiniteFromString.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
  "ROUTING_EXPLORATION"
).pipe(Config.withDefault(0.02))

const fits = (rule: RouteRule, { amount, country, currency, merchantId, method }: RouteQuestion) =>
  (rule.merchants === undefined || (merchantId !== null && rule.merchants.includes(merchantId))) &&
  (rule.currencies === undefined || rule.currencies.includes(currency)) &&
  (rule.countries === undefined || (country !== undefined && rule.countries.includes(country))) &&
  (rule.methods === undefined || (method !== undefined && rule.methods.includes(method))) &&
  (rule.minAmount === undefined || amount >= rule.minAmount) &&
  (rule.maxAmount === undefined || amount <= rule.maxAmount)

/** Where no rule fits: the first of the channels gets all, the others stand by in their order. */
const usual = (offered: ReadonlyArray<ChannelId>): ReadonlyArray<RouteTarget> =>
  offered.map((channel, index) => ({ channel, weight: index === 0 ? 1 : 0 }))

interface Seen {
  readonly target: RouteTarget
  readonly channel: Channel
  readonly method: string
  readonly health: Health
  readonly isTried: boolean
}

const isWell = ({ health, isTried }: Seen) => !isTried && !health.isFailing && !health.isBreakerOpen

const verdictOf = (seen: Seen, chosen: Seen): RouteCandidate["verdict"] => {
  if (seen === chosen) return "chosen"
  if (seen.isTried) return "tried"
  if (seen.health.isBreakerOpen) return "breaker_open"
  if (seen.health.isFailing) return "failing"
  return seen.target.weight === 0 ? "standby" : "available"
}

/** One of `all` (not empty), each as often as its weight says. */
const byWeight = (all: ReadonlyArray<Seen>, random: number) => {
  let left = random * all.reduce((sum, { target }) => sum + target.weight, 0)
  return all.find(({ target }) => (left -= target.weight) < 0) ?? all.at(-1)
}

/**
 * Chooses the channel of a try where the buyer does not: by the first rule that fits, the weights in it and the health of the
 * channels. One that fails is left out but for a small share; where all fail, the one that fails least is better than none.
 */
export class ChannelRouter extends Context.Service<
  ChannelRouter,
  {
    /** None where no channel of the rule, untried so far, is offered for the payment and left in by its merchant's policy. */
    route(
      question: RouteQuestion,
      allowed: ReadonlyArray<ChannelId> | null,
      former: Former
    ): Effect.Effect<Option.Option<Route>>
  }
>()("@mall/payments/routing/ChannelRouter") {
  static readonly layerNoDeps = Layer.effect(
    ChannelRouter,
    Effect.gen(function* () {
      const channels = yield* Channels
      const health = yield* ChannelHealth
      const policies = yield* PaymentPolicies
      const tables = yield* RoutingTables
      const exploration = yield* Exploration

      const choose = Effect.fnUntraced(function* (
        candidates: ReadonlyArray<Seen>
      ): Effect.fn.Return<{ readonly seen: Seen; readonly by: RouteDecision["by"] } | undefined> {
        const well = candidates.filter(isWell)
        const sick = candidates.filter(
          ({ health, isTried, target }) => !isTried && target.weight > 0 && health.isFailing && !health.isBreakerOpen
        )
        if (sick.length > 0 && (yield* Random.next) < exploration) {
          const seen = byWeight(sick, yield* Random.next)
          if (seen !== undefined) return { seen, by: "exploration" }
        }
        const weighted = well.filter(({ target }) => target.weight > 0)
        const seen = weighted.length > 0 ? byWeight(weighted, yield* Random.next) : well[0]
        if (seen !== undefined) return { seen, by: "weight" }
        const [least] = candidates
          .filter(({ isTried }) => !isTried)
          .toSorted((a, b) => (b.health.successRate ?? 0) - (a.health.successRate ?? 0))
        return least === undefined ? undefined : { seen: least, by: "last" }
      })

      return ChannelRouter.of({
        route: Effect.fn("ChannelRouter.route")(function* (question, allowed, { fallbackOf, tried }) {
          const policy = yield* policies.of(question.merchantId, yield* DateTime.nowAsDate)
          const { rules, version } = yield* tables.current
          const rule = rules.find((rule) => fits(rule, question))
          const available = yield* channels.of(question.merchantId)
          const offered = available.offered(question.currency, allowed).filter((id) => mayUseChannel(policy, id))
          const targets = (rule?.targets ?? usual(offered)).filter(({ channel }) => offered.includes(channel))
          const candidates: Array<Seen> = []
          for (const target of targets) {
            const channel = Option.getOrUndefined(available.find(target.channel))
            const method = channel?.methods.find(
              (each) => mayUseMethod(policy, each) && (question.method === undefined || each === question.method)
            )
            if (channel === undefined || method === undefined) continue
            candidates.push({
              target,
              channel,
              method,
              health: yield* health.of(channel.id),
              isTried: tried.has(channel.id)
            })
          }
          const chosen = yield* choose(candidates)
          if (chosen === undefined) return Option.none()
          const decision: RouteDecision = {
            by: chosen.by,
            version,
            rule: rule?.name ?? null,
            candidates: candidates.map((seen) => ({
              ...seen.target,
              verdict: verdictOf(seen, chosen.seen),
              successRate: seen.health.successRate,
              attempts: seen.health.attempts
            })),
            fallbackOf
          }
          yield* Effect.annotateCurrentSpan({ channel: chosen.seen.channel.id, by: chosen.by, rule: decision.rule })
          const { channel, method } = chosen.seen
          return Option.some({ channel, method, decision })
        })
      })
    })
  )
}
