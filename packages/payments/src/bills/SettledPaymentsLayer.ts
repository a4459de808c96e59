import { Currency } from "@mall/domain/kernel/Currency"
import { SettledPayments } from "@mall/domain/treasury/SettledPayments"
import type { SettledRecord } from "@mall/domain/treasury/SettledPayments"
import { Effect, Layer, Option, Schema, Stream } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { toHexId } from "../channel/hexId.ts"

const Row = Schema.Struct({
  id: Schema.String,
  kind: Schema.Literals(["payment", "refund"]),
  paymentId: Schema.String,
  amount: Schema.Int,
  currency: Currency,
  state: Schema.Literals(["succeeded", "pending", "failed"]),
  at: Schema.Date,
  /** The same moment as exactly as the database knows it, by which the next page begins. */
  place: Schema.String
})
const Place = Schema.Struct({
  ...{ channel: Schema.String, from: Schema.String, after: Schema.String },
  to: Schema.Date
})
const Known = Schema.Struct({ channel: Schema.String, ids: Schema.Array(Schema.String) })

/** Where a page begins: behind that row. */
interface Begin {
  readonly from: string
  readonly after: string
}

/** Rows that one question reads. */
const pageSize = 5_000
const start = "00000000-0000-0000-0000-000000000000"

const hexId = /^[0-9a-f]{32}$/

const toRecord = ({ id, place: _place, ...row }: typeof Row.Type): SettledRecord => ({ ...row, reference: toHexId(id) })

/** The port `SettledPayments`: what went through the platform's own accounts, not through those of merchants. */
export const layer = Layer.effect(
  SettledPayments,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient

    const place = sql.literal('to_char(t.updated_at, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') AS place')

    const payments = SqlSchema.findAll({
      Request: Place,
      Result: Row,
      execute: ({ after, channel, from, to }) => sql`
        SELECT t.id, 'payment' AS kind, t.payment_id, t.amount, t.currency, 'succeeded' AS state, t.updated_at AS at, ${place}
        FROM payments.attempts AS t
        WHERE t.channel = ${channel} AND t.credential_id IS NULL AND t.status = 'succeeded'
          AND (t.updated_at, t.id) > (${from}::text::timestamptz, ${after}::uuid) AND t.updated_at < ${to}
        ORDER BY t.updated_at, t.id LIMIT ${pageSize}`
    })

    const refunds = SqlSchema.findAll({
      Request: Place,
      Result: Row,
      execute: ({ after, channel, from, to }) => sql`
        SELECT t.id, 'refund' AS kind, t.payment_id, t.amount, t.currency, 'succeeded' AS state, t.updated_at AS at, ${place}
        FROM payments.refunds AS t JOIN payments.attempts AS a ON a.id = t.attempt_id
        WHERE a.channel = ${channel} AND a.credential_id IS NULL AND t.status = 'succeeded'
          AND (t.updated_at, t.id) > (${from}::text::timestamptz, ${after}::uuid) AND t.updated_at < ${to}
        ORDER BY t.updated_at, t.id LIMIT ${pageSize}`
    })

    const known = SqlSchema.findAll({
      Request: Known,
      Result: Row,
      execute: ({ channel, ids }) => sql`
        SELECT t.id, 'payment' AS kind, t.payment_id, t.amount, t.currency, t.updated_at AS at, ${place},
          CASE WHEN t.status = 'succeeded' THEN 'succeeded' WHEN t.status IN ('created', 'processing', 'unknown') THEN 'pending'
            ELSE 'failed' END AS state
        FROM payments.attempts AS t
        WHERE t.id = ANY(${ids}::uuid[]) AND t.channel = ${channel} AND t.credential_id IS NULL
        UNION ALL
        SELECT t.id, 'refund' AS kind, t.payment_id, t.amount, t.currency, t.updated_at AS at, ${place},
          CASE WHEN t.status = 'succeeded' THEN 'succeeded' WHEN t.status IN ('pending', 'processing', 'unknown') THEN 'pending'
            ELSE 'failed' END AS state
        FROM payments.refunds AS t JOIN payments.attempts AS a ON a.id = t.attempt_id
        WHERE t.id = ANY(${ids}::uuid[]) AND a.channel = ${channel} AND a.credential_id IS NULL`
    })

    const paged = (read: typeof payments, channel: string, from: Date, to: Date) => {
      const begin: Begin = { from: from.toISOString(), after: start }
      return Stream.paginate<Begin, SettledRecord>(
        begin,
        Effect.fnUntraced(function* (place) {
          const rows = yield* Effect.orDie(read({ channel, to, ...place }))
          const last = rows.at(-1)
          const isEnd = last === undefined || rows.length < pageSize
          return [rows.map(toRecord), isEnd ? Option.none() : Option.some({ from: last.place, after: last.id })]
        })
      )
    }

    return SettledPayments.of({
      stream: (channel, from, to) =>
        Stream.concat(paged(payments, channel, from, to), paged(refunds, channel, from, to)),
      find: (channel, references) => {
        const ids = references.filter((reference) => hexId.test(reference))
        return ids.length === 0
          ? Effect.succeed([])
          : known({ channel, ids }).pipe(
              Effect.map((rows) => rows.map(toRecord)),
              Effect.orDie
            )
      }
    })
  })
)
