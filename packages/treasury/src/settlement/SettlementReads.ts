import type { Currency } from "@mall/domain/kernel/Currency"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import {
  HeldReserve,
  Settlement,
  SettlementDetails,
  SettlementId,
  SettlementItem
} from "@mall/domain/treasury/Settlement"
import type { SettlementStatus } from "@mall/domain/treasury/Settlement"
import { SettlementNotFound } from "@mall/domain/treasury/SettlementError"
import { encodeCsv } from "@mall/platform/csv"
import { readsOf } from "@mall/platform/Tenancy"
import { Context, DateTime, Effect, Layer, Option, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"
import type { Statement } from "effect/sql"
import { tenantOf } from "./Sees.ts"
import type { Sees } from "./Sees.ts"
import { showUnderWay } from "./settlementMetrics.ts"

interface PageRequest {
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

export interface OwnerFilter extends PageRequest {
  readonly merchantId?: MerchantId | undefined
  readonly currency?: Currency | undefined
}

export interface SettlementFilter extends OwnerFilter {
  readonly status?: SettlementStatus | undefined
}

const decodeAll = <S extends Schema.Constraint>(row: S) => Schema.decodeUnknownEffect(Schema.Array(row))
const decodeSettlements = decodeAll(Settlement)
const decodeItems = decodeAll(SettlementItem)
const decodeReserves = decodeAll(HeldReserve)
const decodeHistory = Schema.decodeUnknownEffect(SettlementDetails.fields.history)
const decodeWaiting = decodeAll(Schema.Struct({ count: Schema.Int, oldestAt: Schema.NullOr(Schema.Date) }))

const settlementCursor = cursorOf(Schema.Struct({ id: SettlementId }))
const itemCursor = cursorOf(Schema.Struct({ entry: Schema.Int }))
const itemPage = 1_000

/** Lists and looks. Whose rows are seen is in the `WHERE` clause. */
export class SettlementReads extends Context.Service<
  SettlementReads,
  {
    /** Newest first. */
    list(sees: Sees, filter: SettlementFilter): Effect.Effect<Page<Settlement>, InvalidCursor>
    show(sees: Sees, id: SettlementId): Effect.Effect<SettlementDetails, SettlementNotFound>
    /** In the order of posting. */
    items(
      sees: Sees,
      id: SettlementId,
      page: PageRequest
    ): Effect.Effect<Page<SettlementItem>, SettlementNotFound | InvalidCursor>
    /** All items as CSV, line by line. */
    statement(sees: Sees, id: SettlementId): Effect.Effect<Stream.Stream<string>, SettlementNotFound>
    /** Newest first. */
    reserves(sees: Sees, filter: OwnerFilter): Effect.Effect<Page<HeldReserve>, InvalidCursor>
    /** Shows how many are under way; answers with how many. */
    readonly watch: Effect.Effect<number>
  }
>()("@mall/treasury/settlement/SettlementReads") {
  static readonly layer = Layer.effect(
    SettlementReads,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const seen = (sees: Sees) => (sees === "all" ? sql`true` : sql`s.merchant_id = ${sees}::uuid`)
      const within = (sees: Sees) => readsOf(sql, "mall_pay_tenant", tenantOf(sees))

      const clauses = Effect.fnUntraced(function* (sees: Sees, { after, currency, merchantId }: OwnerFilter) {
        return [
          seen(sees),
          ...(merchantId === undefined ? [] : [sql`s.merchant_id = ${merchantId}`]),
          ...(currency === undefined ? [] : [sql`s.currency = ${currency}`]),
          ...(after === undefined ? [] : [sql`s.id < ${(yield* settlementCursor.decode(after)).id}`])
        ] satisfies ReadonlyArray<Statement.Fragment>
      })

      const find = Effect.fnUntraced(function* (sees: Sees, id: SettlementId) {
        const rows = yield* sql`SELECT s.* FROM treasury.settlements AS s WHERE s.id = ${id} AND ${seen(sees)}`
        const [settlement] = yield* decodeSettlements(rows)
        return settlement ?? (yield* new SettlementNotFound({ settlementId: id }))
      })

      const itemRows = Effect.fnUntraced(function* (id: SettlementId, after: number, limit: number) {
        const rows = yield* sql`
          SELECT i.* FROM treasury.settlement_items AS i WHERE i.settlement_id = ${id} AND i.entry_id > ${after}
          ORDER BY i.entry_id LIMIT ${limit}`
        return yield* decodeItems(rows)
      })

      return SettlementReads.of({
        list: Effect.fn("SettlementReads.list")(
          function* (sees, { limit = defaultLimit, status, ...filter }) {
            const where = [
              ...(yield* clauses(sees, filter)),
              ...(status === undefined ? [] : [sql`s.status = ${status}`])
            ]
            const rows = yield* sql`
              SELECT s.* FROM treasury.settlements AS s WHERE ${sql.and(where)} ORDER BY s.id DESC LIMIT ${limit + 1}`
            return toPage(yield* decodeSettlements(rows), limit, ({ id }) => settlementCursor.encode({ id }))
          },
          (effect, sees) => within(sees)(effect),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        show: Effect.fn("SettlementReads.show")(
          function* (sees, id) {
            const settlement = yield* find(sees, id)
            const history = yield* sql`
              SELECT h.from_status AS "from", h.to_status AS "to", h.actor, h.reason, h.trace_id, h.at
              FROM treasury.settlement_history AS h WHERE h.settlement_id = ${id} ORDER BY h.id`
            return new SettlementDetails({ settlement, history: yield* decodeHistory(history) })
          },
          (effect, sees) => within(sees)(effect),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        items: Effect.fn("SettlementReads.items")(
          function* (sees, id, { after, limit = defaultLimit }) {
            yield* find(sees, id)
            const from = after === undefined ? 0 : (yield* itemCursor.decode(after)).entry
            const rows = yield* itemRows(id, from, limit + 1)
            return toPage(rows, limit, ({ entryId }) => itemCursor.encode({ entry: entryId }))
          },
          (effect, sees) => within(sees)(effect),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        statement: Effect.fn("SettlementReads.statement")(
          function* (sees, id) {
            const { currency } = yield* find(sees, id)
            const items = Stream.paginate<number, SettlementItem, Effect.Error<ReturnType<typeof itemRows>>>(
              0,
              (after) =>
                Effect.map(within(sees)(itemRows(id, after, itemPage)), (rows) => [
                  rows,
                  rows.length < itemPage ? Option.none() : Option.some(rows.at(-1)?.entryId ?? after)
                ])
            )
            return Stream.orDie(
              encodeCsv(
                {
                  time: ({ at }) => at,
                  purpose: ({ purpose }) => purpose,
                  subject: ({ subject }) => subject,
                  transfer: ({ transferId }) => transferId,
                  amount: ({ amount }) => amount,
                  currency: () => currency
                },
                items
              )
            )
          },
          (effect, sees) => within(sees)(effect),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        reserves: Effect.fn("SettlementReads.reserves")(
          function* (sees, { limit = defaultLimit, ...filter }) {
            const where = [...(yield* clauses(sees, filter)), sql`s.reserve > 0`, sql`s.status = 'settled'`]
            const rows = yield* sql`
              SELECT s.id AS settlement_id, s.merchant_id, s.currency, s.reserve AS amount, s.reserve_release_at AS release_at,
                s.reserve_released_at AS released_at
              FROM treasury.settlements AS s WHERE ${sql.and(where)} ORDER BY s.id DESC LIMIT ${limit + 1}`
            return toPage(yield* decodeReserves(rows), limit, ({ settlementId }) =>
              settlementCursor.encode({ id: settlementId })
            )
          },
          (effect, sees) => within(sees)(effect),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        watch: Effect.gen(function* () {
          const rows = yield* sql`
            SELECT count(*) AS count, min(s.updated_at) AS oldest_at FROM treasury.settlements AS s
            WHERE s.status IN ('requested', 'gathered', 'stated')`
          const [waiting] = yield* decodeWaiting(rows)
          const now = yield* DateTime.nowAsDate
          const oldest = waiting?.oldestAt?.getTime() ?? now.getTime()
          yield* showUnderWay(waiting?.count ?? 0, (now.getTime() - oldest) / 1000)
          return waiting?.count ?? 0
        }).pipe(
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die }),
          Effect.withSpan("SettlementReads.watch")
        )
      })
    })
  )
}
