import { LimitsHolder } from "@mall/domain/merchants/LimitsHolder"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Effect } from "effect"
import { Argument, Flag } from "effect/cli"
import { Time } from "./flags.ts"
import { operator } from "./Operator.ts"

// What the commands of `mall terms` take and show alike.

export const actor = Effect.map(operator, (name) => `operator:${name}`)
export const aMerchant = "0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77"
/** A merchant, or `platform` for the mall's own payments. */
export const holder = Argument.String("merchant").pipe(Argument.withSchema(LimitsHolder))
export const merchant = Argument.String("merchant").pipe(Argument.withSchema(MerchantId))
export const from = Flag.String("from").pipe(
  Flag.withSchema(Time),
  Flag.withDescription("From when on it counts, such as 2027-01-01T00:00:00+08:00; as soon as it may, where not given"),
  Flag.optional
)

interface Version {
  readonly version: number
  readonly effectiveFrom: Date
  readonly actor: string
  readonly reason: string
  readonly at: Date
}

export const versionColumns = {
  version: ({ version }: Version) => version,
  from: ({ effectiveFrom }: Version) => effectiveFrom,
  who: ({ actor }: Version) => actor,
  why: ({ reason }: Version) => reason,
  when: ({ at }: Version) => at
}
