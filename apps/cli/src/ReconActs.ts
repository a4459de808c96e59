import { generator } from "@mall/domain/kernel/Id"
import { CorrectionId, DifferenceDetails, DifferenceId } from "@mall/domain/treasury/Difference"
import { ResolutionRules, RuleSet } from "@mall/domain/treasury/Rule"
import { Differences } from "@mall/treasury/reconciliation/Differences"
import { Rules } from "@mall/treasury/reconciliation/Rules"
import { Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, reason } from "./flags.ts"
import { readJson } from "./jsonFiles.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, section, table } from "./Output.ts"
import * as Services from "./Services.ts"

const newCorrectionId = generator(CorrectionId)
const actor = Effect.map(operator, (name) => `operator:${name}`)
const anId = "0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77"
const id = Argument.String("difference").pipe(Argument.withSchema(DifferenceId))

const showDetails = (details: DifferenceDetails, json: boolean) => {
  const { corrections, difference, history, proposal } = details
  return print(
    details,
    { json, schema: DifferenceDetails },
    Effect.gen(function* () {
      yield* fields({
        ...{ id: difference.id, run: difference.runId, channel: difference.channel, day: difference.day },
        ...{ account: difference.account, merchant: difference.merchantId },
        ...{ class: difference.class, kind: difference.kind, reference: difference.reference },
        ...{ "channel's number": difference.channelReference, payment: difference.paymentId, line: difference.line },
        "in the bill": [difference.billAmount, difference.billCurrency, difference.billState].join(" ").trim(),
        ours: [difference.ourAmount, difference.ourCurrency, difference.ourState].join(" ").trim(),
        "fee in the bill": difference.billFee,
        "fee by our rule": difference.ourFee,
        excess: difference.excess,
        ...{ status: difference.status, assignee: difference.assignee, note: difference.note },
        ...{ resolution: difference.resolution, found: difference.createdAt }
      })
      yield* section(
        "Proposed correction",
        { account: ({ account }) => account, side: ({ side }) => side, amount: ({ amount }) => amount },
        difference.status === "open" ? (proposal ?? []) : []
      )
      yield* section(
        "Corrections",
        {
          id: ({ id }) => id,
          status: ({ status }) => status,
          "drafted by": ({ draftedBy }) => draftedBy,
          why: ({ reason }) => reason,
          "decided by": ({ decidedBy }) => decidedBy,
          decision: ({ decision }) => decision
        },
        corrections
      )
      yield* section(
        "History",
        {
          when: ({ at }) => at,
          from: ({ fromStatus }) => fromStatus,
          to: ({ toStatus }) => toStatus,
          who: ({ actor }) => actor,
          why: ({ reason }) => reason
        },
        history
      )
    })
  )
}

export const difference = Command.make(
  "difference",
  { id, json },
  Effect.fnUntraced(function* ({ id, json }) {
    const differences = yield* Differences
    yield* showDetails(yield* differences.details(id), json)
  })
).pipe(
  Command.withDescription("Show a difference, its corrections and its history"),
  Command.withExamples([{ command: `mall recon difference ${anId}` }]),
  Command.provide(Services.layer)
)

export const assign = Command.make(
  "assign",
  {
    id,
    to: Flag.String("to").pipe(Flag.withDescription("Who takes care of it"), Flag.optional),
    note: Flag.String("note").pipe(Flag.withDescription("What is known so far"), Flag.optional),
    json
  },
  Effect.fnUntraced(function* ({ id, json, note, to }) {
    const differences = yield* Differences
    yield* showDetails(yield* differences.assign(id, given({ assignee: to, note }), yield* actor), json)
  })
).pipe(
  Command.withDescription("Say who takes care of a difference, and what is known"),
  Command.withExamples([{ command: `mall recon assign ${anId} --to olga --note "asked the bank"` }]),
  Command.provide(Services.layer)
)

export const resolve = Command.make(
  "resolve",
  { id, reason, yes, json },
  Effect.fnUntraced(function* ({ id, json, reason, yes }) {
    const differences = yield* Differences
    yield* confirm(`Resolving the difference ${id} without a correction`, yes)
    yield* showDetails(yield* differences.resolve(id, { reason }, yield* actor), json)
  })
).pipe(
  Command.withDescription("Resolve a difference without a movement in the books"),
  Command.withExamples([{ command: `mall recon resolve ${anId} --reason "a test payment of the channel" --yes` }]),
  Command.provide(Services.layer)
)

export const draft = Command.make(
  "draft",
  { id, reason, json },
  Effect.fnUntraced(function* ({ id, json, reason }) {
    const differences = yield* Differences
    yield* showDetails(yield* differences.draft(id, { reason }, yield* actor, yield* newCorrectionId), json)
  })
).pipe(
  Command.withDescription("Draft the proposed correction; nothing is posted before a second person approves"),
  Command.withExamples([{ command: `mall recon draft ${anId} --reason "paid at the channel, unknown here"` }]),
  Command.provide(Services.layer)
)

export const approve = Command.make(
  "approve",
  { id, reason, yes, json },
  Effect.fnUntraced(function* ({ id, json, reason, yes }) {
    const differences = yield* Differences
    yield* confirm(`Posting the correction of ${id}`, yes)
    yield* showDetails(yield* differences.approve(id, { reason }, yield* actor), json)
  })
).pipe(
  Command.withDescription("Post the correction that somebody else drafted"),
  Command.withExamples([{ command: `mall recon approve ${anId} --reason "seen in the bill" --yes` }]),
  Command.provide(Services.layer)
)

export const reject = Command.make(
  "reject",
  { id, reason, yes, json },
  Effect.fnUntraced(function* ({ id, json, reason, yes }) {
    const differences = yield* Differences
    yield* confirm(`Rejecting the correction of ${id}`, yes)
    yield* showDetails(yield* differences.reject(id, { reason }, yield* actor), json)
  })
).pipe(
  Command.withDescription("Reject a drafted correction; the difference is open again"),
  Command.withExamples([{ command: `mall recon reject ${anId} --reason "the wrong account" --yes` }]),
  Command.provide(Services.layer)
)

class RulesNeedReason extends Schema.TaggedError<RulesNeedReason>()("RulesNeedReason", {}) {
  override get message() {
    return "Rules are changed for a reason: add --reason"
  }
}

export const rules = Command.make(
  "rules",
  {
    set: Flag.String("set").pipe(
      Flag.withDescription("A file with the new rules, a list as `rules` of --json"),
      Flag.optional
    ),
    reason: Flag.optional(reason),
    yes,
    json
  },
  Effect.fnUntraced(function* ({ json, reason, set, yes }) {
    const rules = yield* Rules
    const before = yield* rules.current
    let current = before
    if (Option.isSome(set)) {
      if (Option.isNone(reason)) return yield* new RulesNeedReason()
      const given = yield* readJson(set.value, ResolutionRules)
      yield* confirm(`Changing the rules of version ${before.version}`, yes)
      const change = { version: before.version, rules: given, reason: reason.value }
      current = yield* rules.put(change, yield* actor)
    }
    yield* print(
      current,
      { json, schema: RuleSet },
      Effect.andThen(
        fields({ version: current.version, who: current.actor, why: current.reason, when: current.at }),
        table(
          {
            class: (rule) => rule.class,
            channel: ({ channel }) => channel ?? "any",
            "at most": ({ currency, upTo }) => `${upTo} ${currency}`,
            resolves: ({ reason }) => reason
          },
          current.rules,
          "No rule: people resolve."
        )
      )
    )
  })
).pipe(
  Command.withDescription("Show or change the rules by which differences resolve themselves"),
  Command.withExamples([{ command: 'mall recon rules --set rules.json --reason "rounding of one fen" --yes' }]),
  Command.provide(Services.layer)
)
