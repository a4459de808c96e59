import { Currency } from "@mall/domain/kernel/Currency"
import { Money } from "@mall/domain/kernel/Money"
import { FeePlan, FeePlanVersion, FeeQuestion, FeeQuote } from "@mall/domain/merchants/FeePlan"
import { LimitsVersion, PaymentLimits, QuotaReport, QuotaStanding } from "@mall/domain/merchants/PaymentLimits"
import { Terms } from "@mall/domain/merchants/Terms"
import { ChannelId } from "@mall/domain/payments/Payment"
import { FeePlans } from "@mall/merchants/terms/FeePlans"
import { Limits } from "@mall/merchants/terms/Limits"
import { Policies } from "@mall/merchants/terms/Policies"
import { Quotas } from "@mall/merchants/terms/Quotas"
import { Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, reason } from "./flags.ts"
import { readJson } from "./jsonFiles.ts"
import { fields, json, print, section, table } from "./Output.ts"
import * as Services from "./Services.ts"
import { actor, aMerchant, from, holder, merchant, versionColumns } from "./termsInput.ts"
import { policy, policyColumns } from "./TermsPolicyCommand.ts"

const currency = Argument.Literals("currency", Currency.literals)
const planColumns = { name: ({ content }: FeePlanVersion) => content.name, ...versionColumns }
const limitColumns = {
  currency: ({ currency }: LimitsVersion) => currency,
  "one from": ({ content }: LimitsVersion) => content.minimum,
  "one to": ({ content }: LimitsVersion) => content.maximum,
  "a day": ({ content }: LimitsVersion) => content.daily,
  "a month": ({ content }: LimitsVersion) => content.monthly,
  ...versionColumns
}
const quotaColumns = {
  of: ({ window }: QuotaStanding) => window,
  currency: ({ currency }: QuotaStanding) => currency,
  limit: ({ limit }: QuotaStanding) => limit ?? "none",
  held: ({ held }: QuotaStanding) => held,
  used: ({ used }: QuotaStanding) => used,
  left: ({ left }: QuotaStanding) => left
}

const plans = Command.make(
  "plans",
  { merchant, json },
  Effect.fnUntraced(function* ({ json, merchant }) {
    const all = yield* (yield* FeePlans).list(merchant)
    const schema = Schema.Array(FeePlanVersion)
    yield* print(all, { json, schema }, table(planColumns, all, "No fee plan: captures cost nothing."))
  })
).pipe(
  Command.withDescription("List a merchant's fee plans, newest first; with --json what each of them says"),
  Command.withExamples([{ command: `mall terms plans ${aMerchant}` }]),
  Command.provide(Services.layer)
)

const show = Command.make(
  "show",
  { merchant, json },
  Effect.fnUntraced(function* ({ json, merchant }) {
    const terms = new Terms({
      merchantId: merchant,
      feePlans: yield* (yield* FeePlans).list(merchant),
      limits: yield* (yield* Limits).list(merchant),
      policies: yield* (yield* Policies).list(merchant),
      quotas: yield* (yield* Quotas).standing(merchant)
    })
    const { feePlans, limits, policies, quotas } = terms
    yield* print(
      terms,
      { json, schema: Terms },
      Effect.gen(function* () {
        yield* fields({ merchant, "fee plans": feePlans.length, limits: limits.length, policies: policies.length })
        yield* section("Fee plans", planColumns, feePlans)
        yield* section("Limits", limitColumns, limits)
        yield* section("Payment policies", policyColumns, policies)
        yield* section("Quotas of now", quotaColumns, quotas)
      })
    )
  })
).pipe(
  Command.withDescription("Show all that is agreed with a merchant"),
  Command.withExamples([{ command: `mall terms show ${aMerchant}` }]),
  Command.provide(Services.layer)
)

const assign = Command.make(
  "assign",
  {
    merchant,
    file: Argument.String("file").pipe(Argument.withDescription("A fee plan, as `content` of `plans --json` shows it")),
    from,
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ file, from, json, merchant, reason, yes }) {
    const plans = yield* FeePlans
    const content = yield* readJson(file, FeePlan)
    const before = (yield* plans.list(merchant))[0]?.version ?? 0
    yield* confirm(`Agreeing on the fee plan ${content.name} after version ${before}`, yes)
    const change = { version: before, reason, content, ...given({ effectiveFrom: from }) }
    const plan = yield* plans.put(merchant, change, yield* actor)
    yield* print(plan, { json, schema: FeePlanVersion }, table(planColumns, [plan], ""))
  })
).pipe(
  Command.withDescription("Agree with a merchant on a fee plan, from a later time on"),
  Command.withExamples([
    { command: `mall terms assign ${aMerchant} plan.json --from 2027-01-01T00:00:00Z --reason "new contract" --yes` }
  ]),
  Command.provide(Services.layer)
)

class LimitsNeedMore extends Schema.TaggedError<LimitsNeedMore>()("LimitsNeedMore", {}) {
  override get message() {
    return "Limits are changed for a currency and a reason: add --currency and --reason"
  }
}

const limits = Command.make(
  "limits",
  {
    merchant: holder,
    set: Flag.String("set").pipe(Flag.withDescription("A file with limits, as `content` of --json"), Flag.optional),
    currency: Flag.Literals("currency", Currency.literals).pipe(
      Flag.withDescription("Whose limits are set"),
      Flag.optional
    ),
    from,
    reason: Flag.optional(reason),
    yes,
    json
  },
  Effect.fnUntraced(function* ({ currency, from, json, merchant, reason, set, yes }) {
    const limits = yield* Limits
    const all = yield* limits.list(merchant)
    if (Option.isSome(set)) {
      if (Option.isNone(reason) || Option.isNone(currency)) return yield* new LimitsNeedMore()
      const content = yield* readJson(set.value, PaymentLimits)
      const before = all.filter((each) => each.currency === currency.value)
      const version = Math.max(0, ...before.map((each) => each.version))
      yield* confirm(`Setting the limits of ${currency.value} after version ${version}`, yes)
      const change = { version, reason: reason.value, currency: currency.value, content }
      yield* limits.put(merchant, { ...change, ...given({ effectiveFrom: from }) }, yield* actor)
    }
    const after = yield* limits.list(merchant)
    yield* print(
      after,
      { json, schema: Schema.Array(LimitsVersion) },
      table(limitColumns, after, "No limits: payments may be anything.")
    )
  })
).pipe(
  Command.withDescription("Show or set what a merchant's payments may be, each, in a day and in a month"),
  Command.withExamples([
    { command: `mall terms limits ${aMerchant}` },
    { command: `mall terms limits ${aMerchant} --set limits.json --currency CNY --reason "verified" --yes` },
    { command: "mall terms limits platform", description: "Of the mall's own payments" }
  ]),
  Command.provide(Services.layer)
)

const quotas = Command.make(
  "quotas",
  { merchant: holder, json },
  Effect.fnUntraced(function* ({ json, merchant }) {
    const standing = yield* (yield* Quotas).standing(merchant)
    const schema = Schema.Array(QuotaStanding)
    yield* print(standing, { json, schema }, table(quotaColumns, standing, "No quotas."))
  })
).pipe(
  Command.withDescription("Show how a merchant's quotas of the day and the month stand"),
  Command.withExamples([{ command: `mall terms quotas ${aMerchant}` }]),
  Command.provide(Services.layer)
)

const quote = Command.make(
  "quote",
  {
    merchant,
    channel: Argument.String("channel").pipe(Argument.withSchema(ChannelId)),
    amount: Argument.Int("amount").pipe(Argument.withDescription("In minor units")),
    currency,
    json
  },
  Effect.fnUntraced(function* ({ amount, channel, currency, json, merchant }) {
    const question = yield* Schema.decodeEffect(FeeQuestion)({ channel, amount: Money.of(amount, currency) })
    const quote = yield* (yield* FeePlans).quote(merchant, question)
    const { charged, planVersion } = quote
    yield* print(
      quote,
      { json, schema: FeeQuote },
      fields({
        fee: charged?.fee ?? 0,
        percentage: charged?.percent,
        "fixed part": charged?.fixed,
        "given back with all of it": charged?.returnable,
        "month so far": charged?.volume,
        plan: planVersion ?? "none"
      })
    )
  })
).pipe(
  Command.withDescription("Say what a payment of now would cost; charges nothing"),
  Command.withExamples([{ command: `mall terms quote ${aMerchant} wechatpay 10000 CNY` }]),
  Command.provide(Services.layer)
)

class QuotasDrifted extends Schema.TaggedError<QuotasDrifted>()("QuotasDrifted", { key: Schema.String }) {
  override get message() {
    return `A quota is not the sum of its holds: ${this.key}`
  }
}

const verify = Command.make(
  "verify",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const report = yield* (yield* Quotas).verify
    const { counters, faults } = report
    yield* print(
      report,
      { json, schema: QuotaReport },
      Effect.andThen(
        fields({ "counters compared": counters, "counters that differ": faults.length }),
        section(
          "Differences",
          {
            counter: ({ key }) => key,
            held: ({ held }) => held,
            "by payments": ({ heldByPayments }) => heldByPayments,
            used: ({ used }) => used,
            "by those paid": ({ usedByPayments }) => usedByPayments
          },
          faults
        )
      )
    )
    const [worst] = faults
    if (worst !== undefined) return yield* new QuotasDrifted({ key: worst.key })
  })
).pipe(
  Command.withDescription("Compare every quota with the payments behind it; names what differs and ends with 1"),
  Command.withExamples([{ command: "mall terms verify" }]),
  Command.provide(Services.layer)
)

export const TermsCommand = Command.make("terms").pipe(
  Command.withSubcommands([plans, show, assign, limits, policy, quotas, quote, verify])
)
