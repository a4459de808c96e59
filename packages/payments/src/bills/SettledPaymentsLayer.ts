import { Currency } from "@mall/domain/kernel/Currency"
import type { BilledAccount } from "@mall/domain/treasury/ChannelBills"
import { SettledPayments } from "@mall/domain/treasury/SettledPayments"
import type { SettledRecord } from "@mall/domain/treasury/SettledPayments"
import { Effect, Layer, Option, Schema, Stream } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { toHexId } from "../channel/hexId.ts"
import { OwnAccountReads } from "./OwnAccountReads.ts"

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
/** Null: what went through the platform's account; else by one of these versions of credentials. */
const Versions = Schema.NullOr(Schema.Array(Schema.String))
const Place = Schema.Struct({
  ...{ channel: Schema.String, from: Schema.String, after: Schema.String, versions: Versions },
  to: Schema.Date
})
const Known = Schema.Struct({ channel: Schema.String, ids: Schema.Array(Schema.String), versions: Versions })

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

/** The port `SettledPayments`. Through which account a try went is what it was made with, and never what a bill says. */
export const layerNoDeps = Layer.effect(
  SettledPayments,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const accounts = yield* OwnAccountReads

    const madeWith = (alias: "a" | "t", versions: typeof Versions.Type) =>
      versions === null
        ? sql`${sql(alias)}.credential_id IS NULL`
        : sql`${sql(alias)}.credential_id = ANY(${versions}::uuid[])`

    const place = sql.literal('to_char(t.updated_at, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') AS place')

    const payments = SqlSchema.findAll({
      Request: Place,
      Result: Row,
      execute: ({ after, channel, from, to, versions }) => sql`
        SELECT t.id, 'payment' AS kind, t.payment_id, t.amount, t.currency, 'succeeded' AS state, t.updated_at AS at, ${place}
        FROM payments.attempts AS t
        WHERE t.channel = ${channel} AND ${madeWith("t", versions)} AND t.status = 'succeeded'
          AND (t.updated_at, t.id) > (${from}::text::timestamptz, ${after}::uuid) AND t.updated_at < ${to}
        ORDER BY t.updated_at, t.id LIMIT ${pageSize}`
    })

    const refunds = SqlSchema.findAll({
      Request: Place,
      Result: Row,
      execute: ({ after, channel, from, to, versions }) => sql`
        SELECT t.id, 'refund' AS kind, t.payment_id, t.amount, t.currency, 'succeeded' AS state, t.updated_at AS at, ${place}
        FROM payments.refunds AS t JOIN payments.attempts AS a ON a.id = t.attempt_id
        WHERE a.channel = ${channel} AND ${madeWith("a", versions)} AND t.status = 'succeeded'
          AND (t.updated_at, t.id) > (${from}::text::timestamptz, ${after}::uuid) AND t.updated_at < ${to}
        ORDER BY t.updated_at, t.id LIMIT ${pageSize}`
    })

    const known = SqlSchema.findAll({
      Request: Known,
      Result: Row,
      execute: ({ channel, ids, versions }) => sql`
        SELECT t.id, 'payment' AS kind, t.payment_id, t.amount, t.currency, t.updated_at AS at, ${place},
          CASE WHEN t.status = 'succeeded' THEN 'succeeded' WHEN t.status IN ('created', 'processing', 'unknown') THEN 'pending'
            ELSE 'failed' END AS state
        FROM payments.attempts AS t
        WHERE t.id = ANY(${ids}::uuid[]) AND t.channel = ${channel} AND ${madeWith("t", versions)}
        UNION ALL
        SELECT t.id, 'refund' AS kind, t.payment_id, t.amount, t.currency, t.updated_at AS at, ${place},
          CASE WHEN t.status = 'succeeded' THEN 'succeeded' WHEN t.status IN ('pending', 'processing', 'unknown') THEN 'pending'
            ELSE 'failed' END AS state
        FROM payments.refunds AS t JOIN payments.attempts AS a ON a.id = t.attempt_id
        WHERE t.id = ANY(${ids}::uuid[]) AND a.channel = ${channel} AND ${madeWith("a", versions)}`
    })

    const versionsOf = (account: BilledAccount) =>
      account.merchantId === null ? Effect.succeed(null) : Effect.orDie(accounts.versions(account))

    const paged = (read: typeof payments, account: BilledAccount, from: Date, to: Date) =>
      Stream.unwrap(
        Effect.map(versionsOf(account), (versions) => {
          const begin: Begin = { from: from.toISOString(), after: start }
          return Stream.paginate<Begin, SettledRecord>(
            begin,
            Effect.fnUntraced(function* (place) {
              const rows = yield* Effect.orDie(read({ channel: account.channel, versions, to, ...place }))
              const last = rows.at(-1)
              const isEnd = last === undefined || rows.length < pageSize
              return [rows.map(toRecord), isEnd ? Option.none() : Option.some({ from: last.place, after: last.id })]
            })
          )
        })
      )

    return SettledPayments.of({
      stream: (account, from, to) =>
        Stream.concat(paged(payments, account, from, to), paged(refunds, account, from, to)),
      find: Effect.fnUntraced(function* (account, references) {
        const ids = references.filter((reference) => hexId.test(reference))
        if (ids.length === 0) return []
        const versions = yield* versionsOf(account)
        return (yield* Effect.orDie(known({ channel: account.channel, versions, ids }))).map(toRecord)
      })
    })
  })
)
