import { maxCategoryDepth } from "@mall/domain/catalog/Category"
import type { CategoryId } from "@mall/domain/catalog/Category"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { OrderExpiryChange, OrderExpiryRule } from "@mall/domain/trade/OrderExpiryRule"
import type { OrderExpirySubject } from "@mall/domain/trade/OrderExpiryRule"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import type { Act } from "@mall/platform/audit/AuditRecorder"
import { Config, Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** For how long a process goes by the rules it has read. */
const freshFor = Duration.seconds(30)

/** What decides how long a line waits, beside how it is paid. `categories` from the root to the product's own. */
export interface ExpiringLine {
  readonly merchantId: MerchantId
  readonly categories: ReadonlyArray<CategoryId>
}

/** How near the rule comes to the line: 0 for any category, then one more for each level. Undefined where it does not apply. */
const nearness = (
  rule: OrderExpiryRule,
  { categories, merchantId }: ExpiringLine,
  paymentMethod: string | undefined
) => {
  if (rule.merchantId !== null && rule.merchantId !== merchantId) return undefined
  if (rule.paymentMethod !== null && rule.paymentMethod !== paymentMethod) return undefined
  const level = rule.categoryId === null ? 0 : categories.indexOf(rule.categoryId) + 1
  if (rule.categoryId !== null && level === 0) return undefined
  const methods = rule.paymentMethod === null ? 0 : 1
  // there are fewer levels than a merchant counts
  return (rule.merchantId === null ? 0 : 2 * (maxCategoryDepth + 1)) + 2 * level + methods
}

/** The seconds that a line waits by the most specific rule that applies. */
const expiryOf = (
  rules: ReadonlyArray<OrderExpiryRule>,
  line: ExpiringLine,
  paymentMethod: string | undefined
): number | undefined => {
  let best: { readonly nearness: number; readonly seconds: number } | undefined
  for (const rule of rules) {
    const near = nearness(rule, line, paymentMethod)
    if (near !== undefined && (best === undefined || near > best.nearness)) {
      best = { nearness: near, seconds: rule.expirySeconds }
    }
  }
  return best?.seconds
}

/** Decides until when a checkout may be paid. */
export class OrderExpiryRules extends Context.Service<
  OrderExpiryRules,
  {
    /** Seconds: the shortest among the lines of a checkout; `ORDER_EXPIRY` (30 min) where no rule applies. */
    resolve(lines: ReadonlyArray<ExpiringLine>, paymentMethod: string | undefined): Effect.Effect<number>
    readonly list: Effect.Effect<ReadonlyArray<OrderExpiryRule>>
    /** Makes or replaces the rule of that merchant, category and payment method; other processes follow within half a minute. */
    put(rule: OrderExpiryRule, author: string): Effect.Effect<void>
    /** Drops the rule of exactly that merchant, category and payment method; false where there is none. */
    remove(subject: OrderExpirySubject, author: string): Effect.Effect<boolean>
    /** Who made, replaced and removed rules: up to `limit` changes, newest first. */
    history(limit: number): Effect.Effect<ReadonlyArray<OrderExpiryChange>>
  }
>()("@mall/trade/OrderExpiryRules") {
  static readonly layer = Layer.effect(
    OrderExpiryRules,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const usual = yield* Config.Duration("ORDER_EXPIRY").pipe(Config.withDefault(Duration.minutes(30)))

      const select = SqlSchema.findAll({
        Request: Schema.Void,
        Result: OrderExpiryRule,
        execute: () => sql`
          SELECT merchant_id, category_id, payment_method, expiry_seconds FROM trade.order_expiry_rules
          ORDER BY merchant_id, category_id, payment_method
        `
      })
      const selectChanges = SqlSchema.findAll({
        Request: Schema.Int,
        Result: OrderExpiryChange,
        execute: (limit) =>
          sql`SELECT * FROM trade.order_expiry_changes ORDER BY order_expiry_changes.id DESC LIMIT ${limit}`
      })
      const upsert = SqlSchema.void({
        Request: OrderExpiryRule,
        execute: ({ categoryId, expirySeconds, merchantId, paymentMethod }) => sql`
          INSERT INTO trade.order_expiry_rules (merchant_id, category_id, payment_method, expiry_seconds)
          VALUES (${merchantId}, ${categoryId}, ${paymentMethod}, ${expirySeconds})
          ON CONFLICT ON CONSTRAINT order_expiry_rules_key DO UPDATE SET expiry_seconds = excluded.expiry_seconds
        `
      })
      const drop = ({ categoryId, merchantId, paymentMethod }: OrderExpirySubject) =>
        sql`
          DELETE FROM trade.order_expiry_rules
          WHERE merchant_id IS NOT DISTINCT FROM ${merchantId}::uuid
            AND category_id IS NOT DISTINCT FROM ${categoryId}::uuid
            AND payment_method IS NOT DISTINCT FROM ${paymentMethod}::text
          RETURNING expiry_seconds
        `
      const note = Effect.fnUntraced(function* (
        { categoryId, expirySeconds, merchantId, paymentMethod }: Omit<OrderExpiryChange, "author" | "traceId" | "at">,
        author: string
      ) {
        const at = yield* DateTime.nowAsDate
        yield* sql`
          INSERT INTO trade.order_expiry_changes
            (merchant_id, category_id, payment_method, expiry_seconds, author, trace_id, at)
          VALUES (${merchantId}, ${categoryId}, ${paymentMethod}, ${expirySeconds}, ${author}, ${yield* currentTraceId},
            ${at})
        `
      })
      const findRule = ({ categoryId, merchantId, paymentMethod }: OrderExpirySubject) =>
        Effect.map(select(), (rules) =>
          rules.find(
            (rule) =>
              rule.merchantId === merchantId && rule.categoryId === categoryId && rule.paymentMethod === paymentMethod
          )
        )
      const record = (
        action: "order_expiry_rule.put" | "order_expiry_rule.remove",
        { categoryId, merchantId, paymentMethod }: OrderExpirySubject,
        fields: Pick<Act, "before" | "after">
      ) => {
        const id = [merchantId, categoryId, paymentMethod].filter((part) => part !== null).join("/")
        return audit.record({ action, resource: { type: "order_expiry_rule", id }, merchantId, ...fields })
      }

      const [rules, forget] = yield* Effect.cachedInvalidateWithTTL(Effect.orDie(select()), freshFor)

      return OrderExpiryRules.of({
        resolve: Effect.fnUntraced(function* (lines, paymentMethod) {
          const known = yield* rules
          const seconds = lines.map((line) => expiryOf(known, line, paymentMethod) ?? Duration.toSeconds(usual))
          return Math.min(...seconds)
        }),
        list: Effect.orDie(select()),
        history: Effect.fn("OrderExpiryRules.history")((limit) => Effect.orDie(selectChanges(limit))),
        put: Effect.fn("OrderExpiryRules.put")(
          function* (rule, author) {
            yield* sql.withTransaction(
              Effect.gen(function* () {
                const before = yield* findRule(rule)
                yield* upsert(rule)
                yield* note(rule, author)
                yield* record(
                  "order_expiry_rule.put",
                  rule,
                  before === undefined ? { after: rule } : { before, after: rule }
                )
              })
            )
            yield* forget
          },
          Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
        ),
        remove: Effect.fn("OrderExpiryRules.remove")(
          function* (rule, author) {
            const removed = yield* sql.withTransaction(
              Effect.gen(function* () {
                const before = yield* findRule(rule)
                const rows = yield* drop(rule)
                if (before === undefined || rows.length === 0) return rows
                yield* note({ ...rule, expirySeconds: null }, author)
                yield* record("order_expiry_rule.remove", rule, { before })
                return rows
              })
            )
            yield* forget
            return removed.length > 0
          },
          Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
        )
      })
    })
  )
}
