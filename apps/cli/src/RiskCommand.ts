import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { Expression } from "@mall/domain/risk/Expression"
import { ReviewStatus, RiskCheckPage, RiskReviewDetails, RiskReviewPage } from "@mall/domain/risk/RiskRecord"
import type { RiskCheckRecord } from "@mall/domain/risk/RiskRecord"
import { RiskRule, Verdict } from "@mall/domain/risk/RiskRule"
import { RiskChecks } from "@mall/risk/RiskChecks"
import { RiskReviews } from "@mall/risk/RiskReviews"
import { RiskRules } from "@mall/risk/RiskRules"
import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { given, page } from "./flags.ts"
import { historySection } from "./historySection.ts"
import { fields, json, print, printPage, section, table } from "./Output.ts"
import { approve, backtest, delist, enlist, live, off, put, reject, review, rule, shadow } from "./RiskActs.ts"
import * as Services from "./Services.ts"

const whenJson = Schema.encodeSync(Schema.fromJsonString(Expression))

const ruleColumns = {
  rule: ({ id }: RiskRule) => id,
  version: ({ version }: RiskRule) => version,
  mode: ({ mode }: RiskRule) => mode,
  action: ({ action }: RiskRule) => action,
  score: ({ score }: RiskRule) => score,
  name: ({ name }: RiskRule) => name
}

const rules = Command.make(
  "rules",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const all = yield* (yield* RiskRules).list
    yield* print(all, { json, schema: Schema.Array(RiskRule) }, table(ruleColumns, all, "There are no rules."))
  })
).pipe(
  Command.withDescription("List the rules, the built-in ones (version 0) among them"),
  Command.withExamples([{ command: "mall risk rules --json", description: "With what each of them asks" }]),
  Command.provide(Services.layer)
)

const history = Command.make(
  "history",
  { rule, json },
  Effect.fnUntraced(function* ({ json, rule }) {
    const versions = yield* (yield* RiskRules).history(rule)
    yield* print(
      versions,
      { json, schema: Schema.Array(RiskRule) },
      table(
        {
          version: ({ version }) => version,
          when: ({ at }) => at,
          who: ({ author }) => author,
          mode: ({ mode }) => mode,
          action: ({ action }) => action,
          score: ({ score }) => score,
          reason: ({ reason }) => reason,
          condition: ({ when }) => whenJson(when)
        },
        versions,
        "It was never changed."
      )
    )
  })
).pipe(
  Command.withDescription("List the versions of a rule, newest first: who changed it, when and why"),
  Command.withExamples([{ command: "mall risk history card_testing_pair" }]),
  Command.provide(Services.layer)
)

const checkColumns = {
  at: ({ at }: RiskCheckRecord) => at,
  payment: ({ paymentId }: RiskCheckRecord) => paymentId,
  verdict: ({ verdict }: RiskCheckRecord) => verdict,
  by: ({ decidedBy }: RiskCheckRecord) => decidedBy,
  score: ({ score }: RiskCheckRecord) => score,
  amount: ({ facts }: RiskCheckRecord) => `${facts.amount} ${facts.currency}`,
  network: ({ facts }: RiskCheckRecord) => facts.network,
  rules: ({ hits }: RiskCheckRecord) =>
    hits.map(({ mode, rule }) => (mode === "shadow" ? `(${rule})` : rule)).join(", ")
}

const checks = Command.make(
  "checks",
  {
    payment: Flag.String("payment").pipe(
      Flag.withSchema(PaymentId),
      Flag.withDescription("Only those of this payment: an id"),
      Flag.optional
    ),
    verdict: Flag.Literals("verdict", Verdict.literals).pipe(
      Flag.withDescription("Only those that ended so"),
      Flag.optional
    ),
    ...page,
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, payment, verdict }) {
    const list = yield* (yield* RiskChecks).list({ limit, ...given({ after, paymentId: payment, verdict }) })
    yield* printPage(list, {
      json,
      schema: RiskCheckPage,
      columns: checkColumns,
      empty: "Nothing was checked."
    })
  })
).pipe(
  Command.withDescription("List checks, newest first; rules in shadow stand in brackets"),
  Command.withExamples([{ command: "mall risk checks --verdict deny" }]),
  Command.provide(Services.layer)
)

const showReview = (review: RiskReviewDetails["review"]["id"], json: boolean) =>
  Effect.gen(function* () {
    const details = yield* (yield* RiskReviews).show(review)
    yield* print(
      details,
      { json, schema: RiskReviewDetails },
      Effect.gen(function* () {
        const { id, status, paymentId, expiresAt, decidedBy, reason } = details.review
        yield* fields({
          id,
          status,
          payment: paymentId,
          "may be decided until": expiresAt,
          "decided by": decidedBy,
          reason
        })
        yield* section("Checks", checkColumns, details.checks)
        yield* historySection({ from: ({ fromStatus }) => fromStatus, to: ({ toStatus }) => toStatus }, details.history)
      })
    )
  })

const reviews = Command.make(
  "reviews",
  {
    review: review.pipe(Argument.optional),
    status: Flag.Literals("status", ReviewStatus.literals).pipe(
      Flag.withDescription("Only those that are so"),
      Flag.optional
    ),
    ...page,
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, review, status }) {
    if (Option.isSome(review)) return yield* showReview(review.value, json)
    const list = yield* (yield* RiskReviews).list({ limit, ...given({ after, status }) })
    yield* printPage(list, {
      json,
      schema: RiskReviewPage,
      columns: {
        review: ({ id }) => id,
        payment: ({ paymentId }) => paymentId,
        status: ({ status }) => status,
        until: ({ expiresAt }) => expiresAt,
        by: ({ decidedBy }) => decidedBy,
        reason: ({ reason }) => reason
      },
      empty: "No payment waits for a person."
    })
    if (!json) yield* Console.log("\nmall risk reviews <review> tells why.")
  })
).pipe(
  Command.withDescription(
    "List the payments that wait, or waited, for a person; or show one with its facts and reasons"
  ),
  Command.withExamples([
    { command: "mall risk reviews --status open" },
    { command: "mall risk reviews 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }
  ]),
  Command.provide(Services.layer)
)

export const RiskCommand = Command.make("risk").pipe(
  Command.withSubcommands([
    rules,
    put,
    shadow,
    live,
    off,
    history,
    backtest,
    checks,
    reviews,
    approve,
    reject,
    enlist,
    delist
  ])
)
