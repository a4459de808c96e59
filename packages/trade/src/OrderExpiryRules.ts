import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { OrderExpiryRule } from "@mall/domain/trade/OrderExpiryRule"
import { Config, Context, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** For how long a process goes by the rules it has read. */
const freshFor = Duration.seconds(30)

const specificity = ({ merchantId, paymentMethod }: OrderExpiryRule) =>
  (merchantId === null ? 0 : 2) + (paymentMethod === null ? 0 : 1)

/** The seconds that an order of one merchant waits by the most specific rule that applies. */
const expiryOf = (
  rules: ReadonlyArray<OrderExpiryRule>,
  merchantId: MerchantId,
  paymentMethod: string | undefined
): number | undefined =>
  rules
    .filter(
      (rule) =>
        (rule.merchantId === null || rule.merchantId === merchantId) &&
        (rule.paymentMethod === null || rule.paymentMethod === paymentMethod)
    )
    .toSorted((a, b) => specificity(b) - specificity(a))[0]?.expirySeconds

/** Decides until when a checkout may be paid. */
export class OrderExpiryRules extends Context.Service<
  OrderExpiryRules,
  {
    /** Seconds: the shortest among the merchants of a checkout; `ORDER_EXPIRY` (30 min) where no rule applies. */
    resolve(merchantIds: ReadonlyArray<MerchantId>, paymentMethod: string | undefined): Effect.Effect<number>
    readonly list: Effect.Effect<ReadonlyArray<OrderExpiryRule>>
    /** Makes or replaces the rule of that merchant and payment method; other processes follow within half a minute. */
    put(rule: OrderExpiryRule): Effect.Effect<void>
    /** Drops the rule of exactly that merchant and payment method; false where there is none. */
    remove(rule: Pick<OrderExpiryRule, "merchantId" | "paymentMethod">): Effect.Effect<boolean>
  }
>()("@mall/trade/OrderExpiryRules") {
  static readonly layer = Layer.effect(
    OrderExpiryRules,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const usual = yield* Config.Duration("ORDER_EXPIRY").pipe(Config.withDefault(Duration.minutes(30)))

      const select = SqlSchema.findAll({
        Request: Schema.Void,
        Result: OrderExpiryRule,
        execute: () => sql`
          SELECT merchant_id, payment_method, expiry_seconds FROM trade.order_expiry_rules
          ORDER BY merchant_id, payment_method
        `
      })
      const upsert = SqlSchema.void({
        Request: OrderExpiryRule,
        execute: ({ expirySeconds, merchantId, paymentMethod }) => sql`
          INSERT INTO trade.order_expiry_rules (merchant_id, payment_method, expiry_seconds)
          VALUES (${merchantId}, ${paymentMethod}, ${expirySeconds})
          ON CONFLICT ON CONSTRAINT order_expiry_rules_key DO UPDATE SET expiry_seconds = excluded.expiry_seconds
        `
      })
      const [rules, forget] = yield* Effect.cachedInvalidateWithTTL(Effect.orDie(select()), freshFor)

      return OrderExpiryRules.of({
        resolve: Effect.fnUntraced(function* (merchantIds, paymentMethod) {
          const known = yield* rules
          const seconds = merchantIds.map(
            (merchantId) => expiryOf(known, merchantId, paymentMethod) ?? Duration.toSeconds(usual)
          )
          return Math.min(...seconds)
        }),
        list: Effect.orDie(select()),
        remove: Effect.fn("OrderExpiryRules.remove")(({ merchantId, paymentMethod }) =>
          sql`
            DELETE FROM trade.order_expiry_rules
            WHERE merchant_id IS NOT DISTINCT FROM ${merchantId}::uuid
              AND payment_method IS NOT DISTINCT FROM ${paymentMethod}::text
            RETURNING expiry_seconds
          `.pipe(
            Effect.map((removed) => removed.length > 0),
            Effect.tap(() => forget),
            Effect.orDie
          )
        ),
        put: Effect.fn("OrderExpiryRules.put")((rule) => Effect.andThen(Effect.orDie(upsert(rule)), forget))
      })
    })
  )
}
