import type { Principal } from "@mall/domain/identity/CurrentUser"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { Callback, PaymentChange } from "@mall/domain/payments/PaymentDetails"
import type { CallbackStatus } from "@mall/domain/payments/PaymentDetails"
import type { PaymentId, PaymentStatus, RefundId } from "@mall/domain/payments/PaymentGateway"
import { readsOf } from "@mall/platform/Tenancy"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { merchantOf, tenantOf } from "../lifecycle/isParty.ts"
import { IntentRow, RefundRow } from "./PaymentRecord.ts"

export interface PageRequest {
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

export interface PaymentFilter extends PageRequest {
  readonly reference?: string | undefined
  readonly status?: PaymentStatus | undefined
}

export interface CallbackFilter extends PageRequest {
  readonly status?: CallbackStatus | undefined
  readonly channel?: string | undefined
}

const cursor = cursorOf(Schema.Struct({ id: Schema.String.check(Schema.isUUID(7)) }))

/** Lists and looks. Whose rows may be seen is in the `WHERE` clause; `all` is for operators. Newest first. */
export class PaymentReads extends Context.Service<
  PaymentReads,
  {
    list(caller: Principal | "all", filter: PaymentFilter): Effect.Effect<Page<IntentRow>, InvalidCursor>
    /** By its id or, newest first, by its reference. */
    findOwn(caller: Principal, idOrReference: string): Effect.Effect<Option.Option<IntentRow>>
    /** Of a payment that is the caller's. */
    listRefunds(
      caller: Principal,
      paymentId: PaymentId,
      page: PageRequest
    ): Effect.Effect<Page<RefundRow>, InvalidCursor>
    findRefund(caller: Principal, paymentId: PaymentId, refundId: RefundId): Effect.Effect<Option.Option<RefundRow>>
    history(paymentId: PaymentId): Effect.Effect<ReadonlyArray<PaymentChange>>
    callbacksOf(paymentId: PaymentId): Effect.Effect<ReadonlyArray<Callback>>
    listCallbacks(filter: CallbackFilter): Effect.Effect<Page<Callback>, InvalidCursor>
    findCallback(id: string): Effect.Effect<Option.Option<Callback>>
  }
>()("@mall/payments/store/PaymentReads") {
  static readonly layer = Layer.effect(
    PaymentReads,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const decodeIntents = Schema.decodeUnknownEffect(Schema.Array(IntentRow))
      const decodeRefunds = Schema.decodeUnknownEffect(Schema.Array(RefundRow))
      const decodeCallbacks = Schema.decodeUnknownEffect(Schema.Array(Callback))

      const ownedBy = (principal: Principal) =>
        Option.match(merchantOf(principal), {
          onNone: () => sql`i.payer_id = ${principal.userId}`,
          onSome: (merchant) => sql`(i.payer_id = ${principal.userId} OR i.merchant_id = ${merchant})`
        })

      const within = (caller: Principal) => readsOf(sql, "mall_pay_tenant", tenantOf(caller))

      const afterOf = Effect.fnUntraced(function* (after: string | undefined, column: Fragment) {
        return after === undefined ? [] : [sql`${column} < ${(yield* cursor.decode(after)).id}`]
      })

      const list = Effect.fn("PaymentReads.list")(
        function* (caller: Principal | "all", { after, limit = defaultLimit, reference, status }: PaymentFilter) {
          const clauses = [
            sql`true`,
            ...(caller === "all" ? [] : [ownedBy(caller)]),
            ...(reference === undefined ? [] : [sql`i.reference = ${reference}`]),
            ...(status === undefined ? [] : [sql`i.status = ${status}`]),
            ...(yield* afterOf(after, sql`i.id`))
          ]
          const select = sql`
            SELECT i.* FROM payments.intents AS i WHERE ${sql.and(clauses)} ORDER BY i.id DESC LIMIT ${limit + 1}`
          const rows = yield* caller === "all" ? select : within(caller)(select)
          return toPage(yield* decodeIntents(rows), limit, ({ id }) => cursor.encode({ id }))
        },
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
      )

      const isUuid = Schema.is(Schema.String.check(Schema.isUUID(7)))
      const findOwn = Effect.fn("PaymentReads.findOwn")(
        function* (caller: Principal, idOrReference: string) {
          const match = isUuid(idOrReference)
            ? sql`(i.id = ${idOrReference} OR i.reference = ${idOrReference})`
            : sql`i.reference = ${idOrReference}`
          const rows = yield* within(caller)(
            sql`SELECT i.* FROM payments.intents AS i WHERE ${match} AND ${ownedBy(caller)} ORDER BY i.id DESC LIMIT 1`
          )
          return Option.fromUndefinedOr((yield* decodeIntents(rows))[0])
        },
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
      )

      const listRefunds = Effect.fn("PaymentReads.listRefunds")(
        function* (caller: Principal, paymentId: PaymentId, { after, limit = defaultLimit }: PageRequest) {
          const clauses = [sql`r.payment_id = ${paymentId}`, ...(yield* afterOf(after, sql`r.id`))]
          const rows = yield* within(caller)(
            sql`SELECT r.* FROM payments.refunds AS r WHERE ${sql.and(clauses)} ORDER BY r.id DESC LIMIT ${limit + 1}`
          )
          return toPage(yield* decodeRefunds(rows), limit, ({ id }) => cursor.encode({ id }))
        },
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
      )

      const listCallbacks = Effect.fn("PaymentReads.listCallbacks")(
        function* ({ after, channel, limit = defaultLimit, status }: CallbackFilter) {
          const clauses = [
            sql`true`,
            ...(status === undefined ? [] : [sql`c.status = ${status}`]),
            ...(channel === undefined ? [] : [sql`c.channel = ${channel}`]),
            ...(yield* afterOf(after, sql`c.id`))
          ]
          const rows = yield* sql`
            SELECT c.* FROM payments.callback_inbox AS c WHERE ${sql.and(clauses)}
            ORDER BY c.id DESC LIMIT ${limit + 1}`
          return toPage(yield* decodeCallbacks(rows), limit, ({ id }) => cursor.encode({ id }))
        },
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
      )

      const selectHistory = SqlSchema.findAll({
        Request: Schema.String,
        Result: PaymentChange,
        execute: (id) => sql`SELECT h.* FROM payments.history AS h WHERE h.payment_id = ${id} ORDER BY h.id`
      })
      const selectCallbacksOf = SqlSchema.findAll({
        Request: Schema.String,
        Result: Callback,
        execute: (id) => sql`SELECT c.* FROM payments.callback_inbox AS c WHERE c.payment_id = ${id} ORDER BY c.id`
      })
      const selectCallback = SqlSchema.findOneOption({
        Request: Schema.String,
        Result: Callback,
        execute: (id) => sql`SELECT c.* FROM payments.callback_inbox AS c WHERE c.id = ${id}`
      })
      const selectRefund = SqlSchema.findOneOption({
        Request: Schema.Struct({ paymentId: Schema.String, refundId: Schema.String }),
        Result: RefundRow,
        execute: ({ paymentId, refundId }) =>
          sql`SELECT r.* FROM payments.refunds AS r WHERE r.id = ${refundId} AND r.payment_id = ${paymentId}`
      })
      const orDie = <A>(effect: Effect.Effect<A, SqlError | Schema.SchemaError>) =>
        Effect.catchTags(effect, { SqlError: Effect.die, SchemaError: Effect.die })
      return PaymentReads.of({
        list,
        findOwn,
        listRefunds,
        findRefund: (caller, paymentId, refundId) => orDie(within(caller)(selectRefund({ paymentId, refundId }))),
        history: (paymentId) => orDie(selectHistory(paymentId)),
        callbacksOf: (paymentId) => orDie(selectCallbacksOf(paymentId)),
        listCallbacks,
        findCallback: (id) => orDie(selectCallback(id))
      })
    })
  )
}
