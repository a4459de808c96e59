import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { ChannelMethod, CountryCode } from "@mall/domain/payments/Payment"
import { RouteDecision, RouteRules, RoutingTable } from "@mall/domain/payments/Routing"
import type { RouteRule } from "@mall/domain/payments/Routing"
import { ChannelRouter, nothingTried } from "@mall/payments/routing/ChannelRouter"
import { RoutingTables } from "@mall/payments/routing/RoutingTables"
import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { given, reason } from "./flags.ts"
import { readJson } from "./jsonFiles.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, section, table } from "./Output.ts"
import * as Services from "./Services.ts"

const conditionsOf = ({ countries, currencies, maxAmount, merchants, methods, minAmount }: RouteRule) =>
  [
    ...(merchants === undefined ? [] : [`merchant ${merchants.join("|")}`]),
    ...(currencies === undefined ? [] : [currencies.join("|")]),
    ...(countries === undefined ? [] : [`from ${countries.join("|")}`]),
    ...(methods === undefined ? [] : [`by ${methods.join("|")}`]),
    ...(minAmount === undefined ? [] : [`at least ${minAmount}`]),
    ...(maxAmount === undefined ? [] : [`at most ${maxAmount}`])
  ].join(", ")

const humanOf = ({ author, createdAt, reason, rules, version }: RoutingTable) =>
  Effect.gen(function* () {
    yield* fields({ version, author, reason, created: createdAt })
    yield* table(
      {
        rule: ({ name }) => name,
        "payments that are": (rule) => conditionsOf(rule) || "any",
        "go to": ({ targets }) => targets.map(({ channel, weight }) => `${channel} ${weight}`).join(", ")
      },
      rules,
      "There are no rules: payments go to the first of the channels, the others stand by in their order."
    )
  })

const show = Command.make(
  "show",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const tables = yield* RoutingTables
    const now = yield* tables.current
    yield* print(now, { json, schema: RoutingTable }, humanOf(now))
  })
).pipe(
  Command.withDescription("Show the rules by which payments go to channels where the buyer names none"),
  Command.withExamples([
    { command: "mall routes show --json > routes.json", description: "To be edited and set again" }
  ]),
  Command.provide(Services.layer)
)

const history = Command.make(
  "history",
  {
    limit: Flag.Int("limit").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))),
      Flag.withDescription("How many versions, the newest first"),
      Flag.withDefault(20)
    ),
    json
  },
  Effect.fnUntraced(function* ({ json, limit }) {
    const tables = yield* RoutingTables
    const versions = yield* tables.history(limit)
    yield* print(
      versions,
      { json, schema: Schema.Array(RoutingTable) },
      table(
        {
          version: ({ version }) => version,
          created: ({ createdAt }) => createdAt,
          author: ({ author }) => author,
          rules: ({ rules }) => rules.length,
          reason: ({ reason }) => reason
        },
        versions,
        "The rules were never changed."
      )
    )
  })
).pipe(
  Command.withDescription("List the versions of the rules, newest first: who changed them and why"),
  Command.withExamples([{ command: "mall routes history" }]),
  Command.provide(Services.layer)
)

const unread = Schema.optionalKey(Schema.Unknown)
/** What `show` prints besides may stay. */
const RoutesFile = Schema.Struct({
  ...{ version: Schema.Int, rules: RouteRules },
  ...{ author: unread, reason: unread, createdAt: unread }
})

const set = Command.make(
  "set",
  {
    file: Argument.File("file", { mustExist: true }).pipe(
      Argument.withDescription(
        "JSON as `mall routes show --json` prints it; its version must be the one that counts now"
      )
    ),
    reason,
    json
  },
  Effect.fnUntraced(function* ({ file, json, reason }) {
    const tables = yield* RoutingTables
    const { rules, version } = yield* readJson(file, RoutesFile)
    const now = yield* tables.put({ version, rules, reason }, `operator:${yield* operator}`)
    yield* print(
      now,
      { json, schema: RoutingTable },
      Console.log(`Version ${now.version} counts; every server goes by it within seconds.`)
    )
  })
).pipe(
  Command.withDescription("Replace the rules; the former ones stay in the history and may be set again"),
  Command.withExamples([{ command: 'mall routes set routes.json --reason "alipay is cheaper for small amounts"' }]),
  Command.provide(Services.layer)
)

const explain = Command.make(
  "explain",
  {
    amount: Argument.Int("amount").pipe(
      Argument.withSchema(MinorUnits),
      Argument.withDescription("In minor units of the currency")
    ),
    currency: Argument.Literals("currency", Currency.literals).pipe(Argument.withDescription("Such as CNY")),
    merchant: Flag.String("merchant").pipe(
      Flag.withSchema(MerchantId),
      Flag.withDescription("Whose payment it is: an id. The mall's own when not given"),
      Flag.optional
    ),
    country: Flag.String("country").pipe(
      Flag.withSchema(CountryCode),
      Flag.withDescription("Where the buyer is, such as DE"),
      Flag.optional
    ),
    method: Flag.String("method").pipe(
      Flag.withSchema(ChannelMethod),
      Flag.withDescription("How the buyer wants to pay"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ amount, country, currency, json, merchant, method }) {
    const router = yield* ChannelRouter
    const question = { amount, currency, merchantId: Option.getOrNull(merchant), ...given({ country, method }) }
    const route = yield* router.route(question, null, nothingTried)
    if (Option.isNone(route)) {
      const told = Console.log("No channel takes such a payment.")
      return yield* print(null, { json, schema: Schema.Null }, told)
    }
    const { channel, decision, method: chosen } = route.value
    yield* print(
      decision,
      { json, schema: RouteDecision },
      Effect.gen(function* () {
        yield* fields({ channel: channel.id, method: chosen, by: decision.by, rule: decision.rule ?? "none" })
        yield* section(
          "Channels",
          {
            channel: ({ channel }) => channel,
            weight: ({ weight }) => weight,
            verdict: ({ verdict }) => verdict,
            "success rate": ({ successRate }) => (successRate === null ? "" : `${Math.round(successRate * 100)} %`),
            tries: ({ attempts }) => attempts
          },
          decision.candidates
        )
      })
    )
  })
).pipe(
  Command.withDescription("Say where such a payment would go now, and why"),
  Command.withExamples([{ command: "mall routes explain 199900 CNY --country CN" }]),
  Command.provide(Services.layer)
)

export const RoutesCommand = Command.make("routes").pipe(Command.withSubcommands([show, history, set, explain]))
