import { generator } from "@mall/domain/kernel/Id"
import { currencies } from "@mall/domain/kernel/Currency"
import { BasisPoints, Rounding } from "@mall/domain/merchants/FeePlan"
import { ChannelId } from "@mall/domain/payments/Payment"
import { ChannelFee, ChannelFeeId, isOfOurTime, NewChannelFee } from "@mall/domain/treasury/ChannelFee"
import { ChannelFees } from "@mall/treasury/reconciliation/ChannelFees"
import { Effect, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, reason, Time } from "./flags.ts"
import { operator } from "./Operator.ts"
import { json, print, table } from "./Output.ts"
import type { Columns } from "@mall/platform/csv"
import * as Services from "./Services.ts"

const newFeeId = generator(ChannelFeeId)

const columns: Columns<ChannelFee> = {
  from: ({ effectiveFrom }) => effectiveFrom,
  channel: ({ channel }) => channel,
  currency: ({ currency }) => currency,
  "basis points": ({ basisPoints }) => basisPoints ?? "not compared",
  fixed: ({ fixed }) => fixed,
  rounding: ({ rounding }) => rounding,
  "with refunds": ({ isReturned }) => (isReturned ? "given back" : "kept"),
  who: ({ actor }) => actor,
  why: ({ reason }) => reason
}

export const fees = Command.make(
  "fees",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const fees = yield* ChannelFees
    const all = yield* fees.all
    yield* print(
      all,
      { json, schema: Schema.Array(ChannelFee) },
      table(columns, all, "There are none: the fees of bills are summed, and compared with nothing.")
    )
  })
).pipe(
  Command.withDescription("List what channels charge, the last to begin first; fixed parts are in minor units"),
  Command.withExamples([{ command: "mall recon fees" }]),
  Command.provide(Services.layer)
)

export const setFee = Command.make(
  "set-fee",
  {
    channel: Argument.String("channel").pipe(Argument.withSchema(ChannelId)),
    currency: Argument.Literals("currency", currencies),
    basisPoints: Argument.String("basis-points").pipe(
      Argument.withSchema(Schema.Union([BasisPoints, Schema.Literal("none")])),
      Argument.withDescription("Hundredths of a percent, such as 60 or 38.5; none: nothing is compared from then on")
    ),
    fixed: Flag.Int("fixed").pipe(
      Flag.withSchema(NewChannelFee.fields.fixed),
      Flag.withDescription("Minor units on top of each payment"),
      Flag.withDefault(NewChannelFee.fields.fixed.make(0))
    ),
    rounding: Flag.Literals("rounding", Rounding.literals).pipe(
      Flag.withDescription("How the channel rounds the share"),
      Flag.withDefault("half_up" as const)
    ),
    isReturned: Flag.Boolean("returned").pipe(
      Flag.withDescription("The channel gives the share of a refund back"),
      Flag.withDefault(false)
    ),
    from: Flag.String("from").pipe(
      Flag.withSchema(Time.check(isOfOurTime)),
      Flag.withDescription("From when on, also of the past; else from now"),
      Flag.optional
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ basisPoints, from, json, yes, ...terms }) {
    const fees = yield* ChannelFees
    yield* confirm(`Changing what the fees of ${terms.channel} are compared with`, yes)
    const fee = yield* fees.add(
      { ...terms, basisPoints: basisPoints === "none" ? null : basisPoints, ...given({ effectiveFrom: from }) },
      `operator:${yield* operator}`,
      yield* newFeeId
    )
    yield* print(fee, { json, schema: ChannelFee }, table(columns, [fee], ""))
  })
).pipe(
  Command.withDescription("Say what a channel charges, by which the fees of its bills are compared"),
  Command.withExamples([
    { command: 'mall recon set-fee wechatpay CNY 60 --returned --reason "contract of 2026" --yes' },
    { command: 'mall recon set-fee stripe USD 290 --fixed 30 --from 2026-11-01T00:00:00Z --reason "price list" --yes' }
  ]),
  Command.provide(Services.layer)
)
