import { SkuId } from "@mall/domain/catalog/Catalog"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { ActorKind, CheckoutId, OrderId, OrderStatus } from "@mall/domain/trade/Order"
import { ReturnId, returnStates, ReturnStatus } from "@mall/domain/trade/Return"
import type { Return } from "@mall/domain/trade/Return"
import { beside } from "@mall/platform/planning"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { sealedFields } from "@mall/platform/sealing/PersonalDataTable"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Doing } from "../OrderRepo.ts"
import { condition } from "../OrderScope.ts"
import type { OrderScope } from "../OrderScope.ts"
import { openReturn, sealReason } from "./sealedReturn.ts"

/** A return with what it needs of its order. */
export const ReturnRow = Schema.Struct({
  id: ReturnId,
  orderId: OrderId,
  checkoutId: CheckoutId,
  userId: UserId,
  merchantId: MerchantId,
  total: MinorUnits,
  status: ReturnStatus,
  currency: Currency,
  amount: MinorUnits,
  reason: Schema.String,
  restocked: Schema.NullOr(Schema.Boolean),
  refundId: Schema.NullOr(RefundId),
  refundFailure: Schema.NullOr(Schema.String),
  requestedAt: Schema.Date,
  lines: Schema.Array(Schema.Struct({ skuId: SkuId, quantity: Schema.Int, amount: MinorUnits })),
  history: Schema.Array(
    Schema.Struct({
      from: Schema.NullOr(ReturnStatus),
      to: ReturnStatus,
      actorKind: ActorKind,
      actorId: Schema.NullOr(UserId),
      reason: Schema.String,
      traceId: Schema.NullOr(Schema.String),
      at: Schema.DateFromString
    })
  )
})
export type ReturnRow = typeof ReturnRow.Type

/** The row as it is stored: with the reason in its column where it is of before. */
const StoredReturn = Schema.Struct({ ...ReturnRow.fields, reason: Schema.NullOr(Schema.String), ...sealedFields })

export const returnOf = (row: ReturnRow): Return => ({
  id: row.id,
  orderId: row.orderId,
  status: row.status,
  lines: row.lines.map(({ amount, quantity, skuId }) => ({ skuId, quantity, amount: Money.of(amount, row.currency) })),
  amount: Money.of(row.amount, row.currency),
  reason: row.reason,
  restocked: row.restocked,
  refundId: row.refundId,
  refundFailure: row.refundFailure,
  requestedAt: row.requestedAt,
  history: row.history.map(({ actorId, actorKind, ...event }) => ({
    ...event,
    actor: { kind: actorKind, id: actorId }
  }))
})

/** An order as it has to be known before anything of it is sent back. */
const Returnable = Schema.Struct({
  status: OrderStatus,
  currency: Currency,
  deliveredAt: Schema.NullOr(Schema.Date)
})

const Taken = Schema.Struct({ skuId: SkuId, amount: MinorUnits })

interface Pieces {
  readonly skuId: SkuId
  readonly quantity: number
}

const piecesJson = Schema.encodeSync(
  Schema.fromJsonString(Schema.Array(Schema.Struct({ skuId: SkuId, quantity: Schema.Int })))
)

const linesJson = Schema.encodeSync(
  Schema.fromJsonString(Schema.Array(Schema.Struct({ skuId: SkuId, quantity: Schema.Int, amount: MinorUnits })))
)

/** Rows of returns and the counts of pieces on the lines of their orders. A stored row that does not decode is a defect. */
export class ReturnRepo extends Context.Service<
  ReturnRepo,
  {
    find(scope: OrderScope, orderId: OrderId, id: ReturnId): Effect.Effect<Option.Option<ReturnRow>, SqlError>
    /** Newest first. */
    list(query: {
      readonly scope: OrderScope
      readonly orderId: OrderId | undefined
      readonly status: ReturnStatus | undefined
      readonly after: ReturnId | undefined
      readonly limit: number
    }): Effect.Effect<ReadonlyArray<ReturnRow>, SqlError>
    /** Locks an order of the scope: whoever changes anything of its returns holds it. */
    lockOrder(scope: OrderScope, id: OrderId): Effect.Effect<Option.Option<typeof Returnable.Type>, SqlError>
    /** Takes pieces that nobody sends back yet; answers with what each costs, leaving out what cannot be taken. */
    takePieces(orderId: OrderId, lines: ReadonlyArray<Pieces>): Effect.Effect<ReadonlyMap<SkuId, MinorUnits>, SqlError>
    /** How many pieces of a SKU can still be sent back. */
    returnable(orderId: OrderId, skuId: SkuId): Effect.Effect<number, SqlError>
    /** False, and nothing written, where another return has the id. */
    insert(
      row: {
        readonly id: ReturnId
        readonly orderId: OrderId
        readonly currency: Currency
        readonly reason: string
        readonly lines: ReadonlyArray<Pieces & { readonly amount: MinorUnits }>
      },
      doing: Doing
    ): Effect.Effect<boolean, SqlError>
    /** Moves the return that meets `where` and may go to the state `to`, with a row of history; false where none does. */
    move(to: ReturnStatus, where: Fragment, doing: Doing, set?: Fragment): Effect.Effect<boolean, SqlError>
    /** Writes into the history of a return that stays in its state. */
    note(where: Fragment, doing: Doing): Effect.Effect<void, SqlError>
    /** The pieces of a return that ends are not on their way any more; `cameBack` where they came back. */
    settlePieces(id: ReturnId, cameBack: boolean): Effect.Effect<void, SqlError>
    /** Puts the pieces of a return into stock, with a movement per line. */
    restock(row: ReturnRow, doing: Doing): Effect.Effect<void, SqlError>
    /** Adds what was refunded for a return to the lines of its order. */
    addRefunded(id: ReturnId): Effect.Effect<void, SqlError>
  }
>()("@mall/trade/returns/ReturnRepo") {
  static readonly layer = Layer.effect(
    ReturnRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const open = openReturn(keys)
      const decode = Schema.decodeUnknownEffect(Schema.Array(StoredReturn))
      const decodeOrders = Schema.decodeUnknownEffect(Schema.Array(Returnable))

      const select = (conditions: ReadonlyArray<Fragment>, limit: number) =>
        sql`
          SELECT
            returns.*, orders.checkout_id, orders.user_id, orders.merchant_id, orders.total,
            (
              SELECT jsonb_agg(
                jsonb_build_object('skuId', l.sku_id, 'quantity', l.quantity, 'amount', l.amount) ORDER BY l.sku_id
              ) FROM trade.return_lines AS l WHERE l.return_id = returns.id
            ) AS lines,
            (
              SELECT jsonb_agg(
                jsonb_build_object(
                  'from', h.from_status, 'to', h.to_status, 'actorKind', h.actor_kind, 'actorId', h.actor_id,
                  'reason', h.reason, 'traceId', h.trace_id, 'at', h.at
                ) ORDER BY h.id
              ) FROM trade.return_history AS h WHERE h.return_id = returns.id
            ) AS history
          FROM trade.returns JOIN trade.orders ON orders.id = returns.order_id
          WHERE ${sql.and(conditions)}
          ORDER BY returns.id DESC LIMIT ${limit}
        `.pipe(
          Effect.flatMap((rows) => Effect.orDie(decode(rows))),
          Effect.flatMap(Effect.forEach(open))
        )

      const takePieces = SqlSchema.findAll({
        Request: Schema.Struct({ orderId: OrderId, pieces: Schema.String }),
        Result: Taken,
        execute: ({ orderId, pieces }) => sql`
          UPDATE trade.order_lines AS l SET in_return = l.in_return + p.quantity
          FROM jsonb_to_recordset(${pieces}::jsonb) AS p("skuId" uuid, quantity int)
          WHERE l.order_id = ${orderId} AND l.sku_id = p."skuId" AND l.in_return + l.returned + p.quantity <= l.quantity
          RETURNING l.sku_id, l.unit_price * p.quantity AS amount
        `
      })

      const returnable = SqlSchema.findOneOption({
        Request: Schema.Struct({ orderId: OrderId, skuId: SkuId }),
        Result: Schema.Struct({ left: Schema.Int }),
        execute: ({ orderId, skuId }) => sql`
          SELECT quantity - in_return - returned AS left FROM trade.order_lines
          WHERE order_id = ${orderId} AND sku_id = ${skuId}
        `
      })

      const insertHistory = (
        from: Fragment,
        to: Fragment,
        where: Fragment,
        { actor, at, reason, traceId }: Doing
      ) => sql`
        INSERT INTO trade.return_history (return_id, from_status, to_status, actor_kind, actor_id, reason, trace_id, at)
        SELECT id, ${from}, ${to}, ${actor.kind}, ${actor.id}::uuid, ${reason}, ${traceId}::text, ${at}
        FROM ${where}
      `

      const insert: ReturnRepo["Service"]["insert"] = Effect.fnUntraced(function* (row, doing) {
        const amount = row.lines.reduce((sum, line) => sum + line.amount, 0)
        const { personalData, personalDataKey } = sealReason(keys, row.id, row.reason)
        const added = yield* sql`
          INSERT INTO trade.returns (id, order_id, status, currency, amount, personal_data, personal_data_key, requested_at)
          VALUES (${row.id}, ${row.orderId}, 'requested', ${row.currency}, ${amount}, ${personalData},
            ${personalDataKey}, ${doing.at})
          ON CONFLICT (id) DO NOTHING
          RETURNING id
        `
        if (added.length === 0) return false
        yield* sql`
          INSERT INTO trade.return_lines (return_id, sku_id, quantity, amount)
          SELECT ${row.id}, "skuId", quantity, amount
          FROM jsonb_to_recordset(${linesJson(row.lines)}::jsonb) AS l("skuId" uuid, quantity int, amount bigint)
        `
        yield* insertHistory(sql`NULL`, sql`status`, sql`trade.returns WHERE id = ${row.id}`, { ...doing, reason: "" })
        return true
      })

      const move: ReturnRepo["Service"]["move"] = Effect.fnUntraced(function* (to, where, doing, set) {
        const moved = yield* sql`
          WITH locked AS MATERIALIZED (
            SELECT id, status FROM trade.returns
            WHERE ${where} AND ${beside(sql, "status")} = ANY (${returnStates.sources(to)}::text[])
            FOR UPDATE
          ),
          noted AS (${insertHistory(sql`status`, sql`${to}`, sql`locked`, doing)})
          UPDATE trade.returns SET status = ${to}${set ?? sql``} FROM locked WHERE returns.id = locked.id
          RETURNING returns.id
        `
        return moved.length > 0
      })

      return ReturnRepo.of({
        find: (scope, orderId, id) =>
          Effect.map(
            select([sql`returns.id = ${id}`, sql`returns.order_id = ${orderId}`, condition(sql, scope)], 1),
            ([row]) => Option.fromUndefinedOr(row)
          ),
        list: ({ after, limit, orderId, scope, status }) =>
          select(
            [
              condition(sql, scope),
              ...(orderId === undefined ? [] : [sql`returns.order_id = ${orderId}`]),
              ...(status === undefined ? [] : [sql`returns.status = ${status}`]),
              ...(after === undefined ? [] : [sql`returns.id < ${after}`])
            ],
            limit
          ),
        lockOrder: (scope, id) =>
          sql`
            SELECT status, currency, delivered_at FROM trade.orders
            WHERE orders.id = ${id} AND ${condition(sql, scope)}
            FOR UPDATE
          `.pipe(
            Effect.flatMap((rows) => Effect.orDie(decodeOrders(rows))),
            Effect.map(([order]) => Option.fromUndefinedOr(order))
          ),
        takePieces: (orderId, lines) =>
          takePieces({ orderId, pieces: piecesJson(lines) }).pipe(
            Effect.map((taken) => new Map(taken.map(({ amount, skuId }) => [skuId, amount]))),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        returnable: (orderId, skuId) =>
          returnable({ orderId, skuId }).pipe(
            Effect.map(Option.match({ onNone: () => 0, onSome: ({ left }) => left })),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        insert,
        move,
        note: (where, doing) =>
          Effect.asVoid(insertHistory(sql`status`, sql`status`, sql`trade.returns WHERE ${where}`, doing)),
        settlePieces: (id, cameBack) =>
          Effect.asVoid(sql`
            UPDATE trade.order_lines AS l
            SET in_return = l.in_return - r.quantity, returned = l.returned + r.quantity * ${cameBack ? 1 : 0}::int
            FROM trade.return_lines AS r JOIN trade.returns ON returns.id = r.return_id
            WHERE r.return_id = ${id} AND l.order_id = returns.order_id AND l.sku_id = r.sku_id
          `),
        restock: ({ id, orderId }, { actor, at, traceId }) =>
          Effect.asVoid(sql`
            WITH line AS MATERIALIZED (SELECT sku_id, quantity FROM trade.return_lines WHERE return_id = ${id}),
            locked AS MATERIALIZED (
              SELECT sku_id FROM trade.stock WHERE sku_id IN (SELECT sku_id FROM line) ORDER BY sku_id FOR UPDATE
            ),
            stocked AS (
              UPDATE trade.stock SET on_hand = stock.on_hand + line.quantity
              FROM locked JOIN line USING (sku_id) WHERE stock.sku_id = locked.sku_id
            )
            INSERT INTO trade.stock_movements (sku_id, kind, quantity, order_id, actor, trace_id, at)
            SELECT sku_id, 'return', quantity, ${orderId}, ${actor.id ?? actor.kind}, ${traceId}::text, ${at} FROM line
            ORDER BY sku_id
          `),
        addRefunded: (id) =>
          Effect.asVoid(sql`
            UPDATE trade.order_lines AS l SET refunded = l.refunded + r.amount
            FROM trade.return_lines AS r JOIN trade.returns ON returns.id = r.return_id
            WHERE r.return_id = ${id} AND l.order_id = returns.order_id AND l.sku_id = r.sku_id
          `)
      })
    })
  ).pipe(Layer.provide(PersonalDataKeys.layer))
}
