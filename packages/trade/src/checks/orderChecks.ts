import { Currency } from "@mall/domain/kernel/Currency"
import { leastUuid7 } from "@mall/domain/kernel/Id"
import { PaymentGateway, PaymentId } from "@mall/domain/payments/PaymentGateway"
import type { PaymentSummary } from "@mall/domain/payments/PaymentGateway"
import { finding, lookedAt, pageSize } from "@mall/platform/doctor/Checks"
import type { Check, Look } from "@mall/platform/doctor/Checks"
import { among, firstUuid, wrongOf } from "@mall/platform/doctor/looks"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"

const Checkout = Schema.Struct({
  id: Schema.String,
  paymentId: PaymentId,
  status: Schema.Literals(["pending_payment", "paid", "canceled"]),
  currency: Currency,
  total: Schema.Int,
  orders: Schema.Int,
  givenBack: Schema.Int
})
const Sums = Schema.Struct({
  id: Schema.String,
  status: Schema.String,
  total: Schema.Int,
  orders: Schema.Int,
  lines: Schema.Int,
  /** Orders whose state the checkout's rules out. */
  strays: Schema.Int,
  withoutLines: Schema.Int
})

/** How long news of a payment may be on their way to its orders, in milliseconds. */
const grace = 300_000

/** How old a checkout may be that an ordinary look still sees: it is paid or over long before. */
const lifetime = 48 * 3_600_000

const moneyIsOnItsWayBack = new Set(["refunding", "partially_refunded", "refunded"])

/** What does not agree between the orders of a checkout and its payment; news that are just on their way are nothing. */
const faultOf = (
  { givenBack, id, currency, paymentId, status, total }: typeof Checkout.Type,
  payment: PaymentSummary | undefined,
  now: Date
) => {
  const paidAt = payment?.paidAt ?? null
  const isKnown = paidAt !== null && now.getTime() - paidAt.getTime() > grace
  if (status === "paid") {
    if (payment === undefined) return `the orders of ${id} are paid, and there is no payment ${paymentId}`
    if (paidAt === null) return `the orders of ${id} are paid, their payment is ${payment.status}`
    if (payment.amount.amount !== total || payment.amount.currency !== currency) {
      return `the orders of ${id} are ${total} ${currency}, ${payment.amount.amount} ${payment.amount.currency} were paid`
    }
    return payment.refunded.amount < givenBack
      ? `${givenBack} ${currency} of the orders of ${id} count as given back, ${payment.refunded.amount} were`
      : undefined
  }
  if (payment === undefined || !isKnown) return undefined
  if (status === "canceled") {
    return moneyIsOnItsWayBack.has(payment.status)
      ? undefined
      : `the orders of ${id} are canceled, and their payment is ${payment.status} and not given back`
  }
  return `the orders of ${id} wait for their payment, which was made at ${paidAt.toISOString()}`
}

/** Orders, by themselves and beside their payments. */
export const orderChecks = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const gateway = yield* PaymentGateway
  const decodeCheckouts = Schema.decodeUnknownEffect(Schema.Array(Checkout))
  const wrongSums = wrongOf(sql, Sums, ({ id, lines, orders, status, strays, total, withoutLines }) => {
    const subject = { type: "checkout", id }
    if (withoutLines > 0) return finding(subject, `checkout ${id} has orders without lines, or none`)
    if (strays > 0) return finding(subject, `checkout ${id} is ${status}, ${strays} of its orders are not`)
    const summary = `checkout ${id} is ${total}, its orders are ${orders}, their lines ${lines}`
    return finding(subject, summary, { expected: lines, found: total })
  })

  /** Ids hold the time that they were made at. */
  const young = (since: Date) => sql`c.id >= ${leastUuid7(new Date(since.getTime() - lifetime))}::uuid`
  const chosen = ({ after, selection }: Look) =>
    sql`${among(sql, selection, { id: "c.id", changed: young })} AND c.id > ${after ?? firstUuid}::uuid`

  const payments: Check = {
    name: "order_payments",
    says: "Orders are paid exactly where their payment succeeded with their sum",
    severity: "P0",
    reach: "database",
    // the orders first: what they say of a payment was true of it before, and a payment does not go back
    look: Effect.fnUntraced(function* (look) {
      const rows = yield* sql`
        SELECT c.id, c.payment_id, c.status, c.currency, c.total, count(o.id) AS orders,
          (coalesce(sum(o.total) FILTER (WHERE o.status = 'refunded'), 0) + coalesce(sum((
            SELECT sum(r.amount) FROM trade.returns AS r WHERE r.order_id = o.id AND r.status = 'refunded'
          )) FILTER (WHERE o.status <> 'refunded'), 0))::bigint AS given_back
        FROM trade.checkouts AS c LEFT JOIN trade.orders AS o ON o.checkout_id = c.id
        WHERE ${chosen(look)}
        GROUP BY c.id ORDER BY c.id LIMIT ${pageSize}`.pipe(Effect.flatMap(decodeCheckouts))
      const found = yield* gateway.find(rows.map(({ paymentId }) => paymentId))
      return lookedAt(rows, (row) => {
        const fault = faultOf(row, found.get(row.paymentId), look.now)
        const related = [{ type: "payment", id: row.paymentId }]
        return fault === undefined ? undefined : finding({ type: "checkout", id: row.id }, fault, { related })
      })
    })
  }

  const sums: Check = {
    name: "order_sums",
    says: "A checkout is the sum of its orders, an order that of its lines, and they are in states that go together",
    severity: "P1",
    reach: "database",
    look: (look) =>
      wrongSums(sql`
        SELECT s.*, s."withoutLines" > 0 OR s.strays > 0 OR s.total <> s.orders OR s.orders <> s.lines AS is_wrong FROM (
          SELECT c.id, c.status, c.total, coalesce(sum(o.total), 0)::bigint AS orders, coalesce(sum(l.total), 0)::bigint AS lines,
            count(o.id) FILTER (WHERE (o.status = 'pending_payment') <> (c.status = 'pending_payment')) AS strays,
            count(*) FILTER (WHERE o.id IS NULL OR l.total IS NULL) AS "withoutLines"
          FROM trade.checkouts AS c
          LEFT JOIN trade.orders AS o ON o.checkout_id = c.id
          LEFT JOIN LATERAL (
            SELECT sum(line.quantity * line.unit_price)::bigint AS total FROM trade.order_lines AS line WHERE line.order_id = o.id
          ) AS l ON true
          WHERE ${chosen(look)}
          GROUP BY c.id ORDER BY c.id LIMIT ${pageSize}
        ) AS s`)
  }

  return [payments, sums]
})
