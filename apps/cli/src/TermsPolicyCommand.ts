import { PaymentPolicy, PaymentPolicyVersion } from "@mall/domain/merchants/PaymentPolicy"
import { Policies } from "@mall/merchants/terms/Policies"
import { Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, reason } from "./flags.ts"
import { readJson } from "./jsonFiles.ts"
import { json, print, table } from "./Output.ts"
import * as Services from "./Services.ts"
import { actor, aMerchant, from, merchant, versionColumns } from "./termsInput.ts"

const listOf = (names: ReadonlyArray<string> | null) => names?.join(" ") ?? "any"

export const policyColumns = {
  channels: ({ content }: PaymentPolicyVersion) => listOf(content.channels),
  methods: ({ content }: PaymentPolicyVersion) => listOf(content.methods),
  "refund days": ({ content }: PaymentPolicyVersion) => content.refundDays ?? "any",
  "in parts": ({ content }: PaymentPolicyVersion) => content.partialRefunds,
  "percent at most": ({ content }: PaymentPolicyVersion) => content.refundPercent ?? 100,
  ...versionColumns
}

class PolicyNeedsReason extends Schema.TaggedError<PolicyNeedsReason>()("PolicyNeedsReason", {}) {
  override get message() {
    return "A policy is changed for a reason: add --reason"
  }
}

export const policy = Command.make(
  "policy",
  {
    merchant,
    set: Flag.String("set").pipe(Flag.withDescription("A file with a policy, as `content` of --json"), Flag.optional),
    from,
    reason: Flag.optional(reason),
    yes,
    json
  },
  Effect.fnUntraced(function* ({ from, json, merchant, reason, set, yes }) {
    const policies = yield* Policies
    if (Option.isSome(set)) {
      if (Option.isNone(reason)) return yield* new PolicyNeedsReason()
      const content = yield* readJson(set.value, PaymentPolicy)
      const version = (yield* policies.list(merchant))[0]?.version ?? 0
      yield* confirm(`Setting the payment policy after version ${version}`, yes)
      const change = { version, reason: reason.value, content, ...given({ effectiveFrom: from }) }
      yield* policies.put(merchant, change, yield* actor)
    }
    const all = yield* policies.list(merchant)
    yield* print(
      all,
      { json, schema: Schema.Array(PaymentPolicyVersion) },
      table(policyColumns, all, "No policy: payments are paid and given back in any way.")
    )
  })
).pipe(
  Command.withDescription("Show or set by which channels and methods a merchant is paid, and what they may give back"),
  Command.withExamples([
    { command: `mall terms policy ${aMerchant}` },
    { command: `mall terms policy ${aMerchant} --set policy.json --reason "no cards" --yes` }
  ]),
  Command.provide(Services.layer)
)
