import { CategoryId } from "@mall/domain/catalog/Category"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { OrderExpiryChange, OrderExpiryRule } from "@mall/domain/trade/OrderExpiryRule"
import type { OrderExpirySubject } from "@mall/domain/trade/OrderExpiryRule"
import { OrderExpiryRules } from "@mall/trade/OrderExpiryRules"
import { Console, Effect, Layer, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { page } from "./flags.ts"
import { operator } from "./Operator.ts"
import { json, print, table } from "./Output.ts"
import * as ReadyDatabase from "./ReadyDatabase.ts"

const Services = OrderExpiryRules.layer.pipe(Layer.provideMerge(ReadyDatabase.layer))

const appliesTo = ({ categoryId, merchantId, paymentMethod }: OrderExpirySubject) =>
  `${merchantId === null ? "any merchant" : `the merchant ${merchantId}`}${categoryId === null ? "" : `, the category ${categoryId}`} and ${paymentMethod === null ? "any payment method" : `the payment method ${paymentMethod}`}`

const list = Command.make(
  "list",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const rules = yield* OrderExpiryRules
    const all = yield* rules.list
    yield* print(
      all,
      { json, schema: Schema.Array(OrderExpiryRule) },
      table(
        {
          merchant: ({ merchantId }) => merchantId ?? "any",
          category: ({ categoryId }) => categoryId ?? "any",
          "payment method": ({ paymentMethod }) => paymentMethod ?? "any",
          seconds: ({ expirySeconds }) => expirySeconds
        },
        all,
        "There are no rules: orders wait as long as ORDER_EXPIRY says."
      )
    )
  })
).pipe(
  Command.withDescription("List the rules of how long orders wait; the most specific one counts"),
  Command.withExamples([{ command: "mall expiry list" }]),
  Command.provide(Services)
)

const merchant = Flag.String("merchant").pipe(
  Flag.withSchema(MerchantId),
  Flag.withDescription("Only orders of this merchant: an id. Any when not given"),
  Flag.optional
)
const category = Flag.String("category").pipe(
  Flag.withSchema(CategoryId),
  Flag.withDescription("Only orders of products of this category, or of one below it: an id. Any when not given"),
  Flag.optional
)
const method = Flag.String("method").pipe(
  Flag.withDescription("Only orders to be paid by this method. Any when not given"),
  Flag.withSchema(Schema.NonEmptyString.check(Schema.isMaxLength(32))),
  Flag.optional
)

class NoSuchRule extends Schema.TaggedError<NoSuchRule>()("NoSuchRule", { of: Schema.String }) {
  override get message() {
    return `There is no rule for orders of ${this.of}.`
  }
}

const set = Command.make(
  "set",
  {
    seconds: Flag.Int("seconds").pipe(
      Flag.withSchema(OrderExpiryRule.fields.expirySeconds),
      Flag.withDescription("How long an order waits for its payment, 5 to 2592000 (30 days)")
    ),
    merchant,
    category,
    method,
    json
  },
  Effect.fnUntraced(function* ({ category, json, merchant, method, seconds }) {
    const rules = yield* OrderExpiryRules
    const rule: OrderExpiryRule = {
      merchantId: Option.getOrNull(merchant),
      categoryId: Option.getOrNull(category),
      paymentMethod: Option.getOrNull(method),
      expirySeconds: seconds
    }
    yield* rules.put(rule, `operator:${yield* operator}`)
    yield* print(
      rule,
      { json, schema: OrderExpiryRule },
      Console.log(`Orders of ${appliesTo(rule)} wait ${seconds} seconds; every server goes by it within half a minute.`)
    )
  })
).pipe(
  Command.withDescription(
    "Make or replace the rule of a merchant, a category, a payment method, any of them together or none; open orders keep theirs"
  ),
  Command.withExamples([
    { command: "mall expiry set --seconds 900", description: "A quarter of an hour for everybody" },
    { command: "mall expiry set --seconds 300 --method wechatpay", description: "Five minutes for one payment method" },
    {
      command: "mall expiry set --seconds 600 --category 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77",
      description: "Ten minutes for one kind of products"
    }
  ]),
  Command.provide(Services)
)

const remove = Command.make(
  "remove",
  { merchant, category, method },
  Effect.fnUntraced(function* ({ category, merchant, method }) {
    const rules = yield* OrderExpiryRules
    const subject: OrderExpirySubject = {
      merchantId: Option.getOrNull(merchant),
      categoryId: Option.getOrNull(category),
      paymentMethod: Option.getOrNull(method)
    }
    const of = appliesTo(subject)
    if (!(yield* rules.remove(subject, `operator:${yield* operator}`))) return yield* new NoSuchRule({ of })
    yield* Console.log(`The rule for orders of ${of} is gone; the next less specific one counts.`)
  })
).pipe(
  Command.withDescription(
    "Drop the rule of a merchant, a category, a payment method, any of them together or none; open orders keep theirs"
  ),
  Command.withExamples([{ command: "mall expiry remove --method wechatpay" }]),
  Command.provide(Services)
)

const history = Command.make(
  "history",
  { limit: page.limit, json },
  Effect.fnUntraced(function* ({ json, limit }) {
    const rules = yield* OrderExpiryRules
    const changes = yield* rules.history(limit)
    yield* print(
      changes,
      { json, schema: Schema.Array(OrderExpiryChange) },
      table(
        {
          when: ({ at }) => at,
          who: ({ author }) => author,
          merchant: ({ merchantId }) => merchantId ?? "any",
          category: ({ categoryId }) => categoryId ?? "any",
          "payment method": ({ paymentMethod }) => paymentMethod ?? "any",
          seconds: ({ expirySeconds }) => expirySeconds ?? "removed"
        },
        changes,
        "No rule was ever changed."
      )
    )
  })
).pipe(
  Command.withDescription("Show who made, replaced and removed rules, newest first"),
  Command.withExamples([{ command: "mall expiry history --limit 5" }]),
  Command.provide(Services)
)

export const ExpiryCommand = Command.make("expiry").pipe(Command.withSubcommands([list, set, remove, history]))
