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
