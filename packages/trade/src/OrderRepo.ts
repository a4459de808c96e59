import type { PostalAddress } from "@mall/domain/identity/AddressBook"
import { Place } from "@mall/domain/identity/AddressParts"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { OrderId, orderStates } from "@mall/domain/trade/Order"
import type { Actor, CheckoutId, OrderStatus } from "@mall/domain/trade/Order"
import { gatherReads } from "@mall/platform/gatherReads"
import { beside } from "@mall/platform/planning"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { readsOf } from "@mall/platform/Tenancy"
import type { Tenant } from "@mall/platform/Tenancy"
import { Array as Arr, Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { EventRow, LineRow, MovedOrder, StoredOrderRow } from "./OrderRows.ts"
import type { OrderRow } from "./OrderRows.ts"
import { condition, isWithin, tenantOf } from "./OrderScope.ts"
import type { OrderScope } from "./OrderScope.ts"
import { openOrder, sealOrder } from "./sealedOrder.ts"

/** Who changes something, when, why, and in which trace: what goes into the history with the change. */
export interface Doing {
  readonly actor: Actor
  readonly reason: string
  readonly at: Date
  readonly traceId: string | null
}

export interface OrderQuery {
  readonly scope: OrderScope
  readonly status: OrderStatus | undefined
  /** Only orders placed before this one. */
  readonly after: OrderId | undefined
  readonly limit: number
}

export interface OrderEdit {
  readonly address?: PostalAddress
  readonly remark?: string
}

/** What lies before shipping. */
const editable: ReadonlyArray<OrderStatus> = ["pending_payment", "paid"]

const byOrder = <A extends { readonly orderId: OrderId }>(
  rows: Effect.Effect<ReadonlyArray<A>, SqlError | Schema.SchemaError>
): Effect.Effect<ReadonlyMap<OrderId, ReadonlyArray<A>>, SqlError> =>
  rows.pipe(
    Effect.map((found) => Map.groupBy(found, ({ orderId }) => orderId)),
    Effect.catchTag("SchemaError", Effect.die)
  )

/** Rows of orders, their lines and their history. A stored row that does not decode or cannot be opened is a defect. */
export class OrderRepo extends Context.Service<
  OrderRepo,
  {
    find(scope: OrderScope, id: OrderId): Effect.Effect<Option.Option<OrderRow>, SqlError>
    ofCheckout(scope: OrderScope, id: CheckoutId): Effect.Effect<ReadonlyArray<OrderRow>, SqlError>
    /** Newest first. */
    list(query: OrderQuery): Effect.Effect<ReadonlyArray<OrderRow>, SqlError>
    lines(
      scope: OrderScope,
      ids: ReadonlyArray<OrderId>
    ): Effect.Effect<ReadonlyMap<OrderId, ReadonlyArray<typeof LineRow.Type>>, SqlError>
    /** Oldest first. */
    history(
      scope: OrderScope,
      ids: ReadonlyArray<OrderId>
    ): Effect.Effect<ReadonlyMap<OrderId, ReadonlyArray<typeof EventRow.Type>>, SqlError>
    /**
     * Moves those orders that meet `where` (a condition on `trade.orders`) and may go to the state `to`, with a row of history
     * each; answers with them in ascending order of id. They are locked in that order, so two movers never deadlock.
     * `set` adds assignments, such as `, paid_at = …`.
     */
    move(
      to: OrderStatus,
      where: Fragment,
      doing: Doing,
      set?: Fragment
    ): Effect.Effect<ReadonlyArray<MovedOrder>, SqlError>
    /**
     * Changes what is given of a buyer's order that is not shipped yet, and notes it; false where there is none. It holds the
     * order's lock, so an edit never lands on one that was shipped in the meantime.
     */
    edit(userId: UserId, id: OrderId, edit: OrderEdit, doing: Doing): Effect.Effect<boolean, SqlError>
    /** Locks up to `limit` orders delivered until `before`, leaving out those that somebody else holds. */
    lockDelivered(before: Date, limit: number): Effect.Effect<ReadonlyArray<OrderId>, SqlError>
    /** Writes into the history of orders that stay in their state. */
    note(where: Fragment, doing: Doing): Effect.Effect<void, SqlError>
  }
>()("@mall/trade/OrderRepo") {
  static readonly layerNoDeps = Layer.effect(
    OrderRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const decodeRows = Schema.decodeUnknownEffect(Schema.Array(StoredOrderRow))
      const decodeMoved = Schema.decodeUnknownEffect(Schema.Array(MovedOrder))

      const select = (where: Fragment) => sql`
        SELECT
          orders.*, checkouts.payment_id, checkouts.total AS checkout_total, checkouts.placed_at, checkouts.expires_at
        FROM trade.orders JOIN trade.checkouts ON checkouts.id = orders.checkout_id
        WHERE ${where}
      `
      const rows = (statement: Effect.Effect<unknown, SqlError>) =>
        statement.pipe(
          Effect.flatMap((found) => Effect.orDie(decodeRows(found))),
          Effect.flatMap(Effect.forEach((row) => openOrder(keys, row)))
        )

      const asTenant = (tenant: Tenant | undefined) => readsOf(sql, "mall_store_tenant", tenant)
      const within = <A, E, R>(scope: OrderScope, effect: Effect.Effect<A, E, R>) => asTenant(tenantOf(scope))(effect)

      /** A buyer's orders are few beside those of a state, a shop's are kept by state. */
      const isIn = ({ _tag }: OrderScope, status: OrderStatus) =>
        _tag === "Bought" ? sql`${beside(sql, "orders.status")} = ${status}` : sql`orders.status = ${status}`

      const find = gatherReads(sql, (ids: ReadonlyArray<OrderId>) =>
        Effect.map(
          rows(select(sql`orders.id = ANY (${ids}::uuid[])`)),
          (found) => new Map(found.map((row) => [row.id, row]))
        )
      )

      const lines = SqlSchema.findAll({
        Request: Schema.Array(OrderId),
        Result: LineRow,
        execute: (ids) => sql`
          SELECT * FROM trade.order_lines WHERE order_id = ANY (${ids}::uuid[])
          ORDER BY order_lines.order_id, order_lines.position
        `
      })
      const history = SqlSchema.findAll({
        Request: Schema.Array(OrderId),
        Result: EventRow,
        execute: (ids) => sql`
          SELECT * FROM trade.order_history WHERE order_id = ANY (${ids}::uuid[])
          ORDER BY order_history.order_id, order_history.id
        `
      })

      const move = Effect.fnUntraced(function* (to: OrderStatus, where: Fragment, doing: Doing, set?: Fragment) {
        const moved = yield* sql`
          WITH locked AS MATERIALIZED (
            SELECT id, status FROM trade.orders
            WHERE ${where} AND ${beside(sql, "status")} = ANY (${orderStates.sources(to)}::text[])
            ORDER BY orders.id
            FOR UPDATE
          ),
          moved AS (
            UPDATE trade.orders SET status = ${to}${set ?? sql``} FROM locked WHERE orders.id = locked.id
            RETURNING orders.id, orders.checkout_id, orders.user_id, orders.merchant_id, orders.currency, orders.total
          ),
          noted AS (
            INSERT INTO trade.order_history (
              order_id, from_status, to_status, actor_kind, actor_id, reason, trace_id, at
            )
            SELECT
              id, status, ${to}, ${doing.actor.kind}, ${doing.actor.id}::uuid, ${doing.reason}, ${doing.traceId}::text,
              ${doing.at}
            FROM locked
          )
          SELECT * FROM moved ORDER BY moved.id
        `
        return yield* Effect.orDie(decodeMoved(moved))
      })

      const note = (where: Fragment, { actor, at, reason, traceId }: Doing) =>
        Effect.asVoid(sql`
          INSERT INTO trade.order_history (order_id, from_status, to_status, actor_kind, actor_id, reason, trace_id, at)
          SELECT id, status, status, ${actor.kind}, ${actor.id}::uuid, ${reason}, ${traceId}::text, ${at}
          FROM trade.orders WHERE ${where}
        `)

      const write = SqlSchema.void({
        Request: Schema.Struct({
          id: OrderId,
          place: Schema.fromJsonString(Place),
          personalData: Schema.Uint8Array,
          personalDataKey: Schema.String
        }),
        execute: ({ id, personalData, personalDataKey, place }) => sql`
          UPDATE trade.orders
          SET address = ${place}::jsonb, personal_data = ${personalData}, personal_data_key = ${personalDataKey}, remark = ''
          WHERE id = ${id}`
      })
      // address and remark are sealed as one: what is not changed is read under the lock
      const edit: OrderRepo["Service"]["edit"] = Effect.fnUntraced(
        function* (userId, id, changes, doing) {
          const own = sql`orders.id = ${id} AND orders.user_id = ${userId} AND orders.status = ANY (${editable}::text[])`
          const [order] = yield* rows(sql`${select(own)} FOR UPDATE OF orders`)
          if (order === undefined) return false
          yield* write({ id, ...sealOrder(keys, id, { ...order, ...changes }) })
          yield* note(sql`orders.id = ${id}`, doing)
          return true
        },
        sql.withTransaction,
        Effect.catchTag("SchemaError", Effect.die)
      )

      const lockDelivered = SqlSchema.findAll({
        Request: Schema.Struct({ before: Schema.Date, limit: Schema.Int }),
        Result: Schema.Struct({ id: OrderId }),
        execute: ({ before, limit }) => sql`
          SELECT id FROM trade.orders WHERE status = 'delivered' AND delivered_at <= ${before}
          ORDER BY delivered_at LIMIT ${limit}
          FOR UPDATE SKIP LOCKED
        `
      })

      const linesOf = gatherReads(sql, (ids: ReadonlyArray<OrderId>, tenant) => asTenant(tenant)(byOrder(lines(ids))))
      const historyOf = gatherReads(sql, (ids: ReadonlyArray<OrderId>, tenant) =>
        asTenant(tenant)(byOrder(history(ids)))
      )

      return OrderRepo.of({
        edit,
        lockDelivered: (before, limit) =>
          lockDelivered({ before, limit }).pipe(
            Effect.map((rows) => rows.map(({ id }) => id)),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        find: (scope, id) =>
          tenantOf(scope) === undefined
            ? Effect.map(find([id]), (found) => Option.filter(Option.fromUndefinedOr(found.get(id)), isWithin(scope)))
            : within(scope, Effect.map(rows(select(sql`orders.id = ${id} AND ${condition(sql, scope)}`)), Arr.head)),
        ofCheckout: (scope, id) =>
          within(
            scope,
            rows(sql`${select(sql`orders.checkout_id = ${id} AND ${condition(sql, scope)}`)} ORDER BY orders.id`)
          ),
        list: ({ after, limit, scope, status }) =>
          within(
            scope,
            rows(sql`
            ${select(
              sql.and([
                condition(sql, scope),
                ...(status === undefined ? [] : [isIn(scope, status)]),
                ...(after === undefined ? [] : [sql`orders.id < ${after}`])
              ])
            )}
            ORDER BY orders.id DESC LIMIT ${limit}
          `)
          ),
        lines: (scope, ids) => linesOf(ids, tenantOf(scope)),
        history: (scope, ids) => historyOf(ids, tenantOf(scope)),
        move,
        note
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(PersonalDataKeys.layer))
}
