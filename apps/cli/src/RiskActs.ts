import { ListEntry, ListedKind, ListName, ReviewId, RiskReview } from "@mall/domain/risk/RiskRecord"
import { BacktestReport, BacktestRequest, RiskRule, RuleChange, RuleId } from "@mall/domain/risk/RiskRule"
import type { RuleMode } from "@mall/domain/risk/RiskRule"
import { Backtests } from "@mall/risk/Backtests"
import { RiskLists } from "@mall/risk/RiskLists"
import { RiskReviews } from "@mall/risk/RiskReviews"
import { RiskRules } from "@mall/risk/RiskRules"
import { Console, Effect, FileSystem, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { reason } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, section } from "./Output.ts"
import * as Services from "./Services.ts"

const actor = Effect.map(operator, (name) => `operator:${name}`)

export const rule = Argument.String("rule").pipe(
  Argument.withSchema(RuleId),
  Argument.withDescription("The id of the rule")
)
export const review = Argument.String("review").pipe(
  Argument.withSchema(ReviewId),
  Argument.withDescription("The id of the review")
)

class BadRule extends Schema.TaggedError<BadRule>()("BadRule", { file: Schema.String, why: Schema.String }) {
  override get message() {
    return `${this.file}: ${this.why}`
  }
}

const { reason: _reason, version: _version, ...written } = RuleChange.fields
/** A rule as it lies in a file; `mall risk rules --json` prints it so, with more. */
const RuleFile = Schema.fromJsonString(
  Schema.Struct({ ...written, id: RuleId, version: Schema.optionalKey(Schema.Int) })
)

const readRule = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.readFileString(file).pipe(
    Effect.flatMap(Schema.decodeEffect(RuleFile)),
    Effect.mapError((error) => new BadRule({ file, why: error.message.replaceAll(/\s+/g, " ") }))
  )
})

const told = ({ id, mode, version }: RiskRule) =>
  Console.log(`${id} is ${mode} in version ${version}; every server goes by it at once.`)

export const put = Command.make(
  "put",
  {
    file: Argument.File("file", { mustExist: true }).pipe(
      Argument.withDescription(
        "JSON with id, name, when, score, action and mode; its version is the one it was made from, 0 for a new rule"
      )
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ file, json, reason, yes }) {
    const { id, version = 0, ...change } = yield* readRule(file)
    if (change.mode === "live") yield* confirm(`Letting ${id} decide about payments`, yes)
    const rules = yield* RiskRules
    const rule = yield* rules.put(id, { ...change, version, reason }, yield* actor)
    yield* print(rule, { json, schema: RiskRule }, told(rule))
  })
).pipe(
  Command.withDescription("Make or change a rule; the former version stays in the history"),
  Command.withExamples([
    {
      command: 'mall risk put rule.json --reason "seen on Sunday" --yes',
      description: "Try it before: mall risk backtest"
    }
  ]),
  Command.provide(Services.layer)
)

const modeCommand = <const Name extends string>(name: Name, mode: RuleMode, description: string) =>
  Command.make(
    name,
    { rule, reason, yes, json },
    Effect.fnUntraced(function* ({ json, reason, rule: id, yes }) {
      if (mode !== "shadow") yield* confirm(`Turning ${id} ${mode === "live" ? "on" : "off"}`, yes)
      const rules = yield* RiskRules
      const rule = yield* rules.setMode(id, { mode, reason }, yield* actor)
      yield* print(rule, { json, schema: RiskRule }, told(rule))
    })
  ).pipe(
    Command.withDescription(description),
    Command.withExamples([
      { command: `mall risk ${name} card_testing_network --reason "an office behind one address" --yes` }
    ]),
    Command.provide(Services.layer)
  )

export const shadow = modeCommand("shadow", "shadow", "Let a rule record what it would decide, and decide nothing")
export const live = modeCommand("live", "live", "Let a rule decide about payments")
export const off = modeCommand("off", "off", "Take a rule out of use, also a built-in one")

export const backtest = Command.make(
  "backtest",
  {
    rule: Flag.File("rule", { mustExist: true }).pipe(
      Flag.withDescription(
        "The rule to try, as `mall risk put` takes it; under the id of one that there is it takes its place"
      )
    ),
    days: Flag.Int("days").pipe(
      Flag.withSchema(BacktestRequest.fields.days),
      Flag.withDescription("How far to go back, 1 to 365; checks are kept for RISK_FACTS_LIFETIME"),
      Flag.withDefault(30)
    ),
    json
  },
  Effect.fnUntraced(function* ({ days, json, rule: file }) {
    const backtests = yield* Backtests
    const { action, id, score, when } = yield* readRule(file)
    const report = yield* backtests.run({ rule: { id, when, score, action }, days })
    yield* print(
      report,
      { json, schema: BacktestReport },
      Effect.gen(function* () {
        yield* fields({
          since: report.since,
          "checks replayed": `${report.checks}${report.isTruncated ? " (there were more: the newest are left out)" : ""}`,
          "checks it hits": report.hits.checks,
          "payments it hits": `${report.hits.payments} of ${report.payments}`,
          "of these captured": report.outcomes.captured,
          refunded: report.outcomes.refunded,
          disputed: report.outcomes.disputed,
          "never paid": report.outcomes.unpaid
        })
        yield* section(
          "Decided otherwise than by today's rules",
          { today: ({ from }) => from, "with the rule": ({ to }) => to, checks: ({ checks }) => checks },
          report.changes
        )
      })
    )
  })
).pipe(
  Command.withDescription(
    "Replay the checks of the last days with a rule among today's, and tell what it hits; changes nothing"
  ),
  Command.withExamples([{ command: "mall risk backtest --rule rule.json --days 30" }]),
  Command.provide(Services.layer)
)

const ruling = <const Name extends "approve" | "reject">(name: Name, description: string) =>
  Command.make(
    name,
    { review, reason, yes, json },
    Effect.fnUntraced(function* ({ json, reason, review: id, yes }) {
      yield* confirm(name === "approve" ? `Letting the payment of ${id} pass` : `Refusing the payment of ${id}`, yes)
      const reviews = yield* RiskReviews
      const review = yield* reviews[name](id, { actor: yield* actor, reason })
      yield* print(
        review,
        { json, schema: RiskReview },
        Console.log(`The payment ${review.paymentId} is ${review.status}.`)
      )
    })
  ).pipe(
    Command.withDescription(description),
    Command.withExamples([
      { command: `mall risk ${name} 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --reason "called the buyer" --yes` }
    ]),
    Command.provide(Services.layer)
  )

export const approve = ruling("approve", "Let a payment pass that waits; its buyer confirms it again")
export const reject = ruling("reject", "Refuse a payment that waits")

const place = {
  list: Argument.Literals("list", ListName.literals).pipe(Argument.withDescription("block or allow")),
  kind: Argument.Literals("kind", ListedKind.literals).pipe(Argument.withDescription("What it is, such as network")),
  value: Argument.String("value").pipe(
    Argument.withSchema(ListEntry.fields.value.check(Schema.isMinLength(1), Schema.isMaxLength(128))),
    Argument.withDescription("Such as 203.0.113.7, 2001:db8:0:2::/64, a user's id or DE")
  )
}

export const enlist = Command.make(
  "list",
  {
    ...place,
    hours: Flag.Int("hours").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 87_600 }))),
      Flag.withDescription("For how long; for good when not given"),
      Flag.optional
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ hours, json, kind, list, reason, value, yes }) {
    yield* confirm(`Putting the ${kind} ${value} on the ${list} list`, yes)
    const lists = yield* RiskLists
    const expiresIn = Option.isSome(hours) ? { expiresIn: hours.value * 3600 } : {}
    const entry = yield* lists.enlist({ list, kind, value, reason, ...expiresIn }, yield* actor)
    yield* print(entry, { json, schema: ListEntry }, Console.log(`The ${kind} ${entry.value} is on the ${list} list.`))
  })
).pipe(
  Command.withDescription("Block or allow a user, device, network, card, merchant or country"),
  Command.withExamples([
    { command: 'mall risk list block network 203.0.113.7 --hours 24 --reason "card testing" --yes' }
  ]),
  Command.provide(Services.layer)
)

export const delist = Command.make(
  "unlist",
  { ...place, reason, yes },
  Effect.fnUntraced(function* ({ kind, list, reason, value, yes }) {
    yield* confirm(`Taking the ${kind} ${value} off the ${list} list`, yes)
    const lists = yield* RiskLists
    yield* lists.delist({ list, kind, value, reason }, yield* actor)
    yield* Console.log(`The ${kind} ${value} is off the ${list} list.`)
  })
).pipe(
  Command.withDescription("Take a user, device, network, card, merchant or country off a list"),
  Command.withExamples([{ command: 'mall risk unlist block network 203.0.113.7 --reason "was an office" --yes' }]),
  Command.provide(Services.layer)
)
