import { finding, lookedAt, pageSize } from "@mall/platform/doctor/Checks"
import type { Check, Look } from "@mall/platform/doctor/Checks"
import { among, firstUuid } from "@mall/platform/doctor/looks"
import { planForMany } from "@mall/platform/planning"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"

const Level = Schema.Struct({ id: Schema.String, kept: Schema.Int, counted: Schema.Int })

/** Each compares a column of the stock with what it is the sum of, in one statement, so that no sale comes between. */
export const stockChecks = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const decode = Schema.decodeUnknownEffect(Schema.Array(Level))

  const moved = (since: Date) =>
    sql`s.sku_id IN (SELECT m.sku_id FROM trade.stock_movements AS m WHERE m.at >= ${since})`

  /** `counted` selects a `sku_id` with its `quantity`, of those of the `page` and maybe of others. */
  const compared = (
    { after, selection }: Look,
    kept: Fragment,
    counted: Fragment,
    say: (kept: number, counted: number) => string
  ) =>
    sql`
      WITH page AS MATERIALIZED (
        SELECT s.sku_id, ${kept} AS kept FROM trade.stock AS s
        WHERE ${among(sql, selection, { id: "s.sku_id", changed: moved })} AND s.sku_id > ${after ?? firstUuid}::uuid ORDER BY s.sku_id LIMIT ${pageSize}
      )
      SELECT page.sku_id AS id, page.kept, coalesce(counted.quantity, 0)::bigint AS counted
      FROM page LEFT JOIN (${counted}) AS counted ON counted.sku_id = page.sku_id
      ORDER BY page.sku_id`.pipe(
      (read) => Effect.andThen(planForMany(sql), read),
      sql.withTransaction,
      Effect.flatMap(decode),
      Effect.map((rows) =>
        lookedAt(rows, ({ counted, id, kept }) =>
          kept === counted
            ? undefined
            : finding({ type: "sku", id }, `SKU ${id}: ${say(kept, counted)}`, { expected: counted, found: kept })
        )
      )
    )

  const movements = (signs: Fragment) => sql`
    SELECT m.sku_id, sum(CASE m.kind ${signs} ELSE 0 END) AS quantity
    FROM page JOIN trade.stock_movements AS m ON m.sku_id = page.sku_id GROUP BY m.sku_id`

  /** From the checkouts that wait, of which there are few beside all, and the orders of one that do: once for all SKUs of the page. */
  const open = sql`
    SELECT line.sku_id, sum(line.quantity) AS quantity
    FROM trade.checkouts AS c
    JOIN trade.orders AS o ON o.checkout_id = c.id
    JOIN trade.order_lines AS line ON line.order_id = o.id
    WHERE c.status = 'pending_payment' AND o.status = 'pending_payment'
    GROUP BY line.sku_id`

  const reserved: Check = {
    name: "stock_reserved",
    says: "What is reserved of a SKU is what open orders hold of it",
    severity: "P0",
    reach: "database",
    look: (look) =>
      compared(look, sql`s.reserved`, open, (kept, counted) => `${kept} reserved, open orders hold ${counted}`)
  }

  const onHand: Check = {
    name: "stock_on_hand",
    says: "What is on hand of a SKU is the sum of its movements",
    severity: "P1",
    reach: "database",
    look: (look) =>
      compared(
        look,
        sql`s.on_hand`,
        movements(sql`WHEN 'receive' THEN m.quantity WHEN 'adjust' THEN m.quantity WHEN 'return' THEN m.quantity
          WHEN 'sell' THEN -m.quantity`),
        (kept, counted) => `${kept} on hand, its movements make ${counted}`
      )
  }

  return [reserved, onHand]
})
