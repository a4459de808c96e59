import type { Principal } from "@mall/domain/identity/CurrentUser"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { AuditAction } from "@mall/domain/operations/Audit"
import type { OrderId } from "@mall/domain/trade/Order"
import {
  ReturnId,
  ReturnIdTaken,
  ReturnNotFound,
  ReturnQuantityExceeded,
  ReturnStateConflict,
  ReturnWindowPassed
} from "@mall/domain/trade/Return"
import type { NewReturn, Return, ReturnStatus } from "@mall/domain/trade/Return"
import { OrderNotFound, OrderStateConflict } from "@mall/domain/trade/TradeError"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { readsOf, transactionOf } from "@mall/platform/Tenancy"
import { Config, Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Doing } from "../OrderRepo.ts"
import { actorOf, boughtBy, soldBy, tenantOf } from "../OrderScope.ts"
import type { OrderScope } from "../OrderScope.ts"
import { ReturnRefunds } from "./ReturnRefunds.ts"
import { returnOf, ReturnRepo } from "./ReturnRepo.ts"
import type { ReturnRow } from "./ReturnRepo.ts"

type RequestRefused = OrderNotFound | OrderStateConflict | ReturnIdTaken | ReturnQuantityExceeded | ReturnWindowPassed
type StepRefused = ReturnNotFound | ReturnStateConflict

export interface ReturnListQuery {
  readonly orderId?: OrderId
  readonly status?: ReturnStatus
  readonly limit?: number
  readonly after?: string
}

const cursor = cursorOf(ReturnId)

/**
 * Goods on their way back. Whoever changes anything of a return holds its order: two requests never take the same piece,
 * and a return is received once.
 */
export class Returns extends Context.Service<
  Returns,
  {
    /** By the buyer. The same `id` again answers with the return that it made. */
    request(buyer: Principal, orderId: OrderId, id: ReturnId, request: NewReturn): Effect.Effect<Return, RequestRefused>
    get(scope: OrderScope, orderId: OrderId, id: ReturnId): Effect.Effect<Return, ReturnNotFound>
    /** Newest first; of an order that is not within the scope there are none. */
    list(scope: OrderScope, query: ReturnListQuery): Effect.Effect<Page<Return>, InvalidCursor>
    /** By the buyer, while nothing was received. */
    cancel(buyer: Principal, orderId: OrderId, id: ReturnId): Effect.Effect<Return, StepRefused>
    approve(staff: Principal, orderId: OrderId, id: ReturnId): Effect.Effect<Return, StepRefused>
    reject(staff: Principal, orderId: OrderId, id: ReturnId, reason: string): Effect.Effect<Return, StepRefused>
    /** The goods are here: into stock with them where `restock`, and the money goes back. */
    receive(staff: Principal, orderId: OrderId, id: ReturnId, restock: boolean): Effect.Effect<Return, StepRefused>
    /** Another refund for what was received, where the last one was not carried out. */
    refundAgain(staff: Principal, orderId: OrderId, id: ReturnId): Effect.Effect<Return, StepRefused>
  }
>()("@mall/trade/returns/Returns") {
  static readonly layerNoDeps = Layer.effect(
    Returns,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* ReturnRepo
      const refunds = yield* ReturnRefunds
      const audit = yield* makeAuditRecorder
      const window = yield* Config.Duration("RETURNS_WINDOW").pipe(Config.withDefault(Duration.days(7)))

      const transactionIn =
        (scope: OrderScope) =>
        <A, E, R>(effect: Effect.Effect<A, E, R>) =>
          effect.pipe(
            transactionOf(sql, "mall_store_tenant", tenantOf(scope)),
            retryConflicts,
            Effect.catchTag("SqlError", Effect.die)
          )

      const within = <A, E, R>(scope: OrderScope, effect: Effect.Effect<A, E, R>) =>
        readsOf(sql, "mall_store_tenant", tenantOf(scope))(effect)

      const get = Effect.fn("Returns.get")(
        function* (scope: OrderScope, orderId: OrderId, id: ReturnId) {
          const row = yield* within(scope, repo.find(scope, orderId, id))
          return Option.isSome(row) ? returnOf(row.value) : yield* new ReturnNotFound({ returnId: id })
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const list = Effect.fn("Returns.list")(
        function* (scope: OrderScope, query: ReturnListQuery) {
          const after = query.after === undefined ? undefined : yield* cursor.decode(query.after)
          const limit = query.limit ?? defaultLimit
          const rows = yield* within(
            scope,
            repo.list({ scope, orderId: query.orderId, status: query.status, after, limit: limit + 1 })
          )
          return toPage(rows.map(returnOf), limit, ({ id }) => cursor.encode(id))
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const request = Effect.fn("Returns.request")(
        function* (buyer: Principal, orderId: OrderId, id: ReturnId, { lines, reason }: NewReturn) {
          const scope = boughtBy(buyer)
          const order = yield* repo.lockOrder(scope, orderId)
          if (Option.isNone(order)) return yield* new OrderNotFound({ orderId })
          const before = yield* repo.find(scope, orderId, id)
          if (Option.isSome(before)) return returnOf(before.value)

          const { currency, deliveredAt, status } = order.value
          if (deliveredAt === null || (status !== "delivered" && status !== "completed")) {
            return yield* new OrderStateConflict({ orderId, orderStatus: status })
          }
          const at = yield* DateTime.nowAsDate
          const until = new Date(deliveredAt.getTime() + Duration.toMillis(window))
          if (at > until) return yield* new ReturnWindowPassed({ until })

          const amounts = yield* repo.takePieces(orderId, lines)
          const taken = []
          for (const { quantity, skuId } of lines) {
            const amount = amounts.get(skuId)
            if (amount === undefined) {
              // nothing is taken: the failure ends the transaction
              const returnable = yield* repo.returnable(orderId, skuId)
              return yield* new ReturnQuantityExceeded({ skuId, returnable })
            }
            taken.push({ skuId, quantity, amount })
          }
          const isAdded = yield* repo.insert(
            { id, orderId, currency, reason, lines: taken },
            { actor: { kind: "buyer", id: buyer.userId }, reason, at, traceId: yield* currentTraceId }
          )
          if (!isAdded) return yield* new ReturnIdTaken({ returnId: id })
          return yield* Effect.orDie(get(scope, orderId, id))
        },
        transactionIn({ _tag: "Every" })
      )

      /** Takes a step with a return of the scope; `step` answers whether the state allowed it. Staff leave `action` behind. */
      const take = <E>(
        action: AuditAction | null,
        caller: Principal,
        scope: OrderScope,
        { id, orderId }: { readonly orderId: OrderId; readonly id: ReturnId },
        reason: string,
        step: (row: ReturnRow, doing: Doing) => Effect.Effect<boolean, E | SqlError>
      ) =>
        transactionIn(scope)(
          Effect.gen(function* () {
            yield* repo.lockOrder(scope, orderId)
            const row = yield* repo.find(scope, orderId, id)
            if (Option.isNone(row)) return yield* new ReturnNotFound({ returnId: id })
            const doing: Doing = {
              actor: actorOf(caller, row.value),
              reason,
              at: yield* DateTime.nowAsDate,
              traceId: yield* currentTraceId
            }
            if (!(yield* step(row.value, doing))) {
              return yield* new ReturnStateConflict({ returnId: id, returnStatus: row.value.status })
            }
            const after = yield* get(scope, orderId, id)
            if (action !== null) {
              yield* audit.record({
                action,
                resource: { type: "return", id },
                merchantId: row.value.merchantId,
                reason,
                before: outcomeOf(returnOf(row.value)),
                after: outcomeOf(after)
              })
            }
            return after
          })
        )

      const end = (to: ReturnStatus) =>
        Effect.fnUntraced(function* ({ id }: ReturnRow, doing: Doing) {
          if (!(yield* repo.move(to, sql`id = ${id}`, doing))) return false
          yield* repo.settlePieces(id, false)
          return true
        })

      const receive = Effect.fn("Returns.receive")(function* (
        staff: Principal,
        orderId: OrderId,
        id: ReturnId,
        restock: boolean
      ) {
        yield* take(
          "return.receive",
          staff,
          soldBy(staff),
          { orderId, id },
          restock ? "received and put into stock" : "received",
          Effect.fnUntraced(function* (row, doing) {
            if (!(yield* repo.move("received", sql`id = ${id}`, doing, sql`, restocked = ${restock}`))) return false
            yield* repo.settlePieces(id, true)
            if (restock) yield* repo.restock(row, doing)
            if (row.amount > 0) yield* refunds.prepare(id, doing)
            else yield* repo.move("refunded", sql`id = ${id}`, { ...doing, reason: "there is nothing to give back" })
            return true
          })
        )
        yield* refunds.ask(id)
        return yield* get(soldBy(staff), orderId, id)
      })

      const refundAgain = Effect.fn("Returns.refundAgain")(function* (
        staff: Principal,
        orderId: OrderId,
        id: ReturnId
      ) {
        yield* take(
          "return.refund_again",
          staff,
          soldBy(staff),
          { orderId, id },
          "asked for the refund again",
          Effect.fnUntraced(function* (row, doing) {
            if (row.status !== "received" || row.refundFailure === null) return false
            yield* repo.note(sql`id = ${id}`, doing)
            yield* refunds.prepare(id, doing)
            return true
          })
        )
        yield* refunds.ask(id)
        return yield* get(soldBy(staff), orderId, id)
      })

      return Returns.of({
        request,
        get,
        list,
        cancel: Effect.fn("Returns.cancel")((buyer, orderId, id) =>
          take(null, buyer, boughtBy(buyer), { orderId, id }, "canceled", end("canceled"))
        ),
        approve: Effect.fn("Returns.approve")((staff, orderId, id) =>
          take("return.approve", staff, soldBy(staff), { orderId, id }, "approved", (_row, doing) =>
            repo.move("approved", sql`id = ${id}`, doing)
          )
        ),
        reject: Effect.fn("Returns.reject")((staff, orderId, id, reason) =>
          take("return.reject", staff, soldBy(staff), { orderId, id }, reason, end("rejected"))
        ),
        receive,
        refundAgain
      })
    })
  )
}

/** What staff decide of a return. */
const outcomeOf = ({ refundFailure, refundId, restocked, status }: Return) => ({
  status,
  restocked,
  refundId,
  refundFailure
})
