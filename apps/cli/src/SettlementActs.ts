import { currencies } from "@mall/domain/kernel/Currency"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Settlement, SettlementId } from "@mall/domain/treasury/Settlement"
import {
  BusinessCalendar,
  CalendarName,
  NewSettlementTerms,
  SettlementTerms
} from "@mall/domain/treasury/SettlementTerms"
import { Calendars } from "@mall/treasury/settlement/Calendars"
import { Settlements } from "@mall/treasury/settlement/Settlements"
import { Terms } from "@mall/treasury/settlement/Terms"
import { Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, reason, Time } from "./flags.ts"
import { readJson } from "./jsonFiles.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, section } from "./Output.ts"
import * as Services from "./Services.ts"

const newSettlementId = generator(SettlementId)
const actor = Effect.map(operator, (name) => `operator:${name}`)
const anId = "0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77"
const currency = Argument.Literals("currency", currencies)

const showSettlement = (settlement: Settlement, json: boolean) => {
  const { attempt, currency, cutOff, id, merchantId, status } = settlement
  return print(settlement, { json, schema: Settlement }, fields({ id, merchantId, currency, cutOff, status, attempt }))
}

export const run = Command.make(
  "run",
  {
    merchant: Argument.String("merchant").pipe(Argument.withSchema(MerchantId)),
    currency,
    until: Flag.String("until").pipe(
      Flag.withSchema(Time),
      Flag.withDescription("Settle what was posted before; now unless told"),
      Flag.optional
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ currency, json, merchant, reason, until, yes }) {
    yield* confirm(`Settling ${currency} for ${merchant}`, yes)
    const settlements = yield* Settlements
    const asked = { merchantId: merchant, currency, reason, ...given({ cutOff: until }) }
    yield* showSettlement(yield* settlements.run(asked, yield* actor, yield* newSettlementId), json)
  })
).pipe(
  Command.withDescription("Begin a settlement now; the worker carries it out"),
  Command.withExamples([{ command: `mall settlements run ${anId} CNY --reason "closing the shop" --yes` }]),
  Command.provide(Services.layer)
)

export const retry = Command.make(
  "retry",
  { id: Argument.String("settlement").pipe(Argument.withSchema(SettlementId)), reason, yes, json },
  Effect.fnUntraced(function* ({ id, json, reason, yes }) {
    yield* confirm(`Trying settlement ${id} again`, yes)
    const settlements = yield* Settlements
    yield* showSettlement(yield* settlements.retry(id, yield* actor, reason), json)
  })
).pipe(
  Command.withDescription("Try a settlement that failed again"),
  Command.withExamples([{ command: `mall settlements retry ${anId} --reason "account is open again" --yes` }]),
  Command.provide(Services.layer)
)

const TermsFile = Schema.toCodecJson(NewSettlementTerms.mapFields(({ reason: _, ...rest }) => rest))

export const setTerms = Command.make(
  "set-terms",
  {
    file: Argument.File("file", { mustExist: true }).pipe(
      Argument.withDescription("The terms as JSON, as the API takes them, without the reason")
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ file, json, reason, yes }) {
    const asked = yield* readJson(file, TermsFile)
    yield* confirm(`Setting the terms of ${asked.merchantId ?? "all merchants without their own"}`, yes)
    const terms = yield* Terms
    const set = yield* terms.set({ ...asked, reason }, yield* actor)
    const { currency, effectiveFrom, id, merchantId } = set
    yield* print(
      set,
      { json, schema: SettlementTerms },
      fields({ id, merchantId, currency, "in force from": effectiveFrom })
    )
  })
).pipe(
  Command.withDescription("Set terms from now or a later time on, for a merchant or as the default"),
  Command.withExamples([{ command: `mall settlements set-terms terms.json --reason "new contract" --yes` }]),
  Command.provide(Services.layer)
)

const { days, weekend } = BusinessCalendar.fields
const CalendarFile = Schema.Struct({ weekend, days })

export const calendar = Command.make(
  "calendar",
  {
    name: Argument.String("name").pipe(Argument.withSchema(CalendarName)),
    file: Flag.File("file", { mustExist: true }).pipe(
      Flag.withDescription(
        `Replace it: {"weekend": [6, 7], "days": [{"day": "2026-10-01", "isWorking": false, "name": "…"}]}`
      ),
      Flag.optional
    ),
    reason: reason.pipe(Flag.optional),
    yes,
    json
  },
  Effect.fnUntraced(function* ({ file, json, name, reason, yes }) {
    const calendars = yield* Calendars
    const before = yield* Option.isNone(file) ? calendars.show(name) : calendars.current(name)
    const after = Option.isNone(file)
      ? before
      : yield* Effect.gen(function* () {
          const read = yield* readJson(file.value, CalendarFile)
          yield* confirm(`Replacing version ${before.version} of the calendar ${name}`, yes)
          const change = { ...read, version: before.version, reason: Option.getOrElse(reason, () => "replaced") }
          return yield* calendars.put(name, change, yield* actor)
        })
    yield* print(
      after,
      { json, schema: BusinessCalendar },
      Effect.andThen(
        fields({ name, version: after.version, weekend: after.weekend.join(" "), who: after.actor, why: after.reason }),
        section(
          "Days off, and working days on weekends",
          { day: ({ day }) => day, working: ({ isWorking }) => isWorking, name: ({ name }) => name },
          after.days
        )
      )
    )
  })
).pipe(
  Command.withDescription("Show which days are business days, or replace that"),
  Command.withExamples([
    { command: `mall settlements calendar china --file china.json --reason "holidays of 2027" --yes` }
  ]),
  Command.provide(Services.layer)
)
