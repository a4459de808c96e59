import { Option, Schema } from "effect"
import { Flag } from "effect/cli"
import { Reason } from "@mall/domain/identity/AccountEvent"
import { defaultLimit } from "@mall/domain/kernel/Page"

/** `--limit` and `--after` of every list. */
export const page = {
  limit: Flag.Int("limit").pipe(
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))),
    Flag.withDescription("How many to show, 1 to 100"),
    Flag.withDefault(defaultLimit)
  ),
  after: Flag.String("after").pipe(
    Flag.withDescription("Show the next page: the cursor that the page before ended with"),
    Flag.optional
  )
}

/** Why an operator acts; kept in the history with the operator's name. */
export const reason = Flag.String("reason").pipe(
  Flag.withSchema(Reason.check(Schema.isMaxLength(400), Schema.isMinLength(1))),
  Flag.withDescription("Why; kept in the history, beside who did it (MALL_OPERATOR, else your account on this machine)")
)

/** The flags that were given, as the services take them: no key where there is no value. */
export const given = <A extends Record<string, Option.Option<unknown>>>(flags: A) =>
  Object.fromEntries(
    Object.entries(flags).flatMap(([name, value]) => (Option.isSome(value) ? [[name, value.value]] : []))
  ) as { readonly [Name in keyof A]?: Option.Option.Value<A[Name]> }

const clock = String.raw`\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?`

/** Not the 31st of February, which would be taken for the 3rd of March. */
const isDay = Schema.makeFilter((text: string) => {
  const day = new Date(text.slice(0, 10))
  return Number.isNaN(day.getTime()) || day.getUTCDate() === Number(text.slice(8, 10)) || "there is no such day"
})

/** A time with its zone, or a day from its beginning in UTC: whatever the zone of the machine, it is the same time. */
export const Time = Schema.String.check(
  Schema.isPattern(new RegExp(String.raw`^\d{4}-\d{2}-\d{2}(T${clock}(Z|[+-]\d{2}:\d{2}))?$`), {
    message: "must be a day or a time with its zone, such as 2026-03-01 (from 00:00 UTC) or 2026-03-01T20:00+08:00"
  }),
  isDay
).pipe(Schema.decodeTo(Schema.DateFromString))
