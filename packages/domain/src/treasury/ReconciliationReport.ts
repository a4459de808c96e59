import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { ChannelId } from "../payments/Payment.ts"
import { BillDay } from "./Bill.ts"
import { DifferenceClass } from "./Difference.ts"
import { Run } from "./Run.ts"

/** Unresolved differences of one channel, class and currency, by their age in days. Ages count from when they were found. */
export const Aging = Schema.Struct({
  channel: ChannelId,
  class: DifferenceClass,
  currency: Currency,
  upTo1: Schema.Int,
  upTo7: Schema.Int,
  upTo30: Schema.Int,
  older: Schema.Int,
  /** The sum of what the channels hold beyond our records, where that is known. */
  excess: MinorUnits,
  oldestDays: Schema.Int
}).annotate({ identifier: "ReconciliationAging" })
export type Aging = typeof Aging.Type

/** The results that count from one day to another, both included, and what is unresolved now. */
export class ReconciliationReport extends Schema.Class<ReconciliationReport>("ReconciliationReport")({
  from: BillDay,
  to: BillDay,
  runs: Schema.Array(Run),
  aging: Schema.Array(Aging)
}) {}
