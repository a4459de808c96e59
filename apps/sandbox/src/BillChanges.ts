import type { Currency } from "@mall/domain/kernel/Currency"
import { Context, Effect, Layer, Schema } from "effect"
import { randomBytes } from "node:crypto"

/** A movement as the channel's bill will tell it. Amounts in minor units, times in ISO 8601. */
export interface BillRow {
  readonly kind: "payment" | "refund"
  /** The merchant's number, and the channel's. */
  readonly reference: string
  readonly number: string
  readonly order: string
  readonly orderNumber: string
  readonly amount: number
  /** What the channel takes beyond its usual fee. */
  readonly feeExtra: number
  readonly currency: Currency
  readonly isSettled: boolean
  readonly at: string
  readonly description: string
}

/**
 * How a bill is to differ from what happened. `missing`, `duplicate`, `amount` (one unit more), `fee` (two units more), `state` (a
 * refund under way) and `next_day` (booked at the midnight after) are of the movement of that reference; `extra` is one that nobody made, of that day;
 * `earlier` shows all movements a day earlier.
 */
export const BillChange = Schema.Union([
  Schema.Struct({
    kind: Schema.Literals(["missing", "duplicate", "amount", "fee", "state", "next_day"]),
    reference: Schema.NonEmptyString
  }),
  Schema.Struct({
    kind: Schema.Literal("extra"),
    at: Schema.String.check(Schema.makeFilter((text: string) => !Number.isNaN(Date.parse(text)) || "a time")),
    amount: Schema.Int.check(Schema.isGreaterThan(0))
  }),
  Schema.Struct({ kind: Schema.Literal("earlier") })
])
export type BillChange = typeof BillChange.Type

const dayMillis = 86_400_000

const moved = (at: string, by: number) => new Date(Date.parse(at) + by).toISOString()

/** The first moment of the next day, as the channel counts days. */
const nextMidnight = (at: string, offsetMinutes: number) => {
  const local = Date.parse(at) + offsetMinutes * 60_000
  return new Date((Math.floor(local / dayMillis) + 1) * dayMillis - offsetMinutes * 60_000).toISOString()
}

const change = (row: BillRow, changes: ReadonlyArray<BillChange>, offsetMinutes: number): ReadonlyArray<BillRow> => {
  let rows = [row]
  for (const one of changes) {
    if (!("reference" in one) || one.reference !== row.reference) continue
    switch (one.kind) {
      case "missing":
        return []
      case "duplicate":
        rows = rows.flatMap((each) => [each, each])
        break
      case "amount":
        rows = rows.map((each) => ({ ...each, amount: each.amount + 1 }))
        break
      case "fee":
        rows = rows.map((each) => ({ ...each, feeExtra: each.feeExtra + 2 }))
        break
      case "state":
        rows = rows.map((each) => ({ ...each, isSettled: false }))
        break
      case "next_day":
        rows = rows.map((each) => ({ ...each, at: nextMidnight(each.at, offsetMinutes) }))
    }
  }
  return rows
}

/** The differences that are set, by which the stand-ins' bills are untrue. */
export class BillChanges extends Context.Service<
  BillChanges,
  {
    add(channel: string, change: BillChange): Effect.Effect<void>
    readonly clear: Effect.Effect<void>
    /** Of all movements those of the bill of a day, `2026-11-20`, in the order of their times. */
    bill(
      channel: string,
      rows: ReadonlyArray<BillRow>,
      options: { readonly from: Date; readonly to: Date; readonly offsetMinutes: number; readonly currency: Currency }
    ): Effect.Effect<ReadonlyArray<BillRow>>
  }
>()("@mall/sandbox/BillChanges") {
  static readonly layer = Layer.sync(BillChanges, () => {
    const set = new Map<string, Array<BillChange>>()
    const extras = new Map<BillChange, BillRow>()

    const extraOf = (one: BillChange & { readonly kind: "extra" }, currency: Currency): BillRow => {
      const known = extras.get(one)
      if (known !== undefined) return known
      const [reference, number] = [randomBytes(16).toString("hex"), `4200${randomBytes(12).toString("hex")}`]
      const row: BillRow = {
        ...{ kind: "payment", reference, number, order: reference, orderNumber: number, description: "extra" },
        ...{ amount: one.amount, feeExtra: 0, currency, isSettled: true, at: one.at }
      }
      extras.set(one, row)
      return row
    }

    return BillChanges.of({
      add: (channel, one) => Effect.sync(() => set.set(channel, [...(set.get(channel) ?? []), one])),
      clear: Effect.sync(() => {
        set.clear()
        extras.clear()
      }),
      bill: (channel, rows, { currency, from, offsetMinutes, to }) =>
        Effect.sync(() => {
          const changes = set.get(channel) ?? []
          const by = changes.some(({ kind }) => kind === "earlier") ? -dayMillis : 0
          const shown = rows.map((row) => ({ ...row, at: moved(row.at, by) }))
          const added = changes.flatMap((one) => (one.kind === "extra" ? [extraOf(one, currency)] : []))
          return [...shown.flatMap((row) => change(row, changes, offsetMinutes)), ...added]
            .filter(({ at }) => Date.parse(at) >= from.getTime() && Date.parse(at) < to.getTime())
            .toSorted((a, b) => a.at.localeCompare(b.at))
        })
    })
  })
}
