import { assert, layer } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { SqlClient } from "effect/sql"
import { Payments } from "../../src/lifecycle/Payments.ts"
import { Tickets } from "../../src/lifecycle/Tickets.ts"
import { aBuyer, aMerchant, aPayment, cny, newOperationId, TestPayments } from "../TestPayments.ts"

layer(TestPayments, { excludeTestServices: true })("A ticket", (it) => {
  it.effect("shows its payment once and hands out the next, so that a page can poll (13.06, 14.06, 13.10 P1-1)", () =>
    Effect.gen(function* () {
      const payments = yield* Payments
      const tickets = yield* Tickets
      const { id } = yield* aPayment(yield* aBuyer)
      let ticket = yield* tickets.issue(id)
      for (let look = 0; look < 3; look++) {
        const shown = ticket
        const answer = yield* payments.status(id, shown)
        assert.strictEqual(answer.status, "pending")
        ticket = answer.ticket
        assert.strictEqual((yield* Effect.flip(payments.status(id, shown)))._tag, "TicketInvalid")
      }
    })
  )

  it.effect("used twenty times at once is good once (13.06, 13.10 P1-2)", () =>
    Effect.gen(function* () {
      const payments = yield* Payments
      const tickets = yield* Tickets
      const { id } = yield* aPayment(yield* aBuyer)
      const ticket = yield* tickets.issue(id)
      const exits = yield* Effect.all(
        Array.from({ length: 20 }, () => Effect.exit(payments.status(id, ticket))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
    })
  )

  it.effect("of another payment is refused, reported and not spent (13.06, 13.08)", () =>
    Effect.gen(function* () {
      const payments = yield* Payments
      const tickets = yield* Tickets
      const sql = yield* SqlClient.SqlClient
      const buyer = yield* aBuyer
      const mine = yield* aPayment(buyer)
      const other = yield* aPayment(buyer)
      const ticket = yield* tickets.issue(mine.id)
      assert.strictEqual((yield* Effect.flip(payments.status(other.id, ticket)))._tag, "TicketInvalid")
      const events = yield* sql`
        SELECT id FROM payments.security_events WHERE kind = 'ticket_foreign' AND payment_id = ${mine.id}`
      assert.strictEqual(events.length, 1)
      assert.strictEqual((yield* payments.status(mine.id, ticket)).id, mine.id)
    })
  )

  it.effect("is stale after its time, and is nowhere kept as it is", () =>
    Effect.gen(function* () {
      const payments = yield* Payments
      const tickets = yield* Tickets
      const sql = yield* SqlClient.SqlClient
      const { id } = yield* aPayment(yield* aBuyer)
      const ticket = yield* tickets.issue(id)
      const rows = yield* sql<{ hash: Uint8Array; lives: number }>`
        SELECT hash, extract(epoch FROM expires_at - clock_timestamp())::int AS lives
        FROM payments.tickets WHERE payment_id = ${id}`
      assert.strictEqual(rows[0]?.hash.length, 32)
      assert.isAtMost(rows[0]?.lives ?? 0, 300)
      yield* sql`UPDATE payments.tickets SET expires_at = '2020-01-01' WHERE payment_id = ${id}`
      assert.strictEqual((yield* Effect.flip(payments.status(id, ticket)))._tag, "TicketInvalid")
      assert.isAbove(yield* tickets.purge(100), 0)
    })
  )

  it.effect("is answered again to the page of ours that it was handed to, for a while, and to nobody else", () =>
    Effect.gen(function* () {
      const tickets = yield* Tickets
      const sql = yield* SqlClient.SqlClient
      const { id } = yield* aPayment(yield* aBuyer)
      const [page, another] = ["a browser", "another browser"]
      const refused = (ticket: string, by?: string) => Effect.flip(tickets.redeem("any", ticket, by))
      const first = yield* tickets.issue(id)
      const { next: second } = yield* tickets.redeem("any", first, page)
      const { next: lost } = yield* tickets.redeem("any", second, page)
      assert.strictEqual((yield* refused(second))._tag, "TicketInvalid")
      assert.strictEqual((yield* refused(second, another))._tag, "TicketInvalid")
      assert.strictEqual((yield* refused(first, page))._tag, "TicketInvalid")
      const { next: third, paymentId } = yield* tickets.redeem("any", second, page)
      assert.strictEqual(paymentId, id)
      assert.notStrictEqual(third, lost)

      // a telephone that was put away
      const age = (minutes: number) => sql`
        UPDATE payments.tickets SET expires_at = clock_timestamp() - ${minutes} * interval '1 minute' WHERE payment_id = ${id}`
      yield* age(25)
      assert.strictEqual((yield* refused(third))._tag, "TicketInvalid")
      assert.strictEqual((yield* refused(third, another))._tag, "TicketInvalid")
      const { next: fourth } = yield* tickets.redeem("any", third, page)
      yield* age(31)
      assert.strictEqual((yield* refused(fourth, page))._tag, "TicketInvalid")
    })
  )

  it.effect("that is no ticket is refused without a look (13.10 P1-4)", () =>
    Effect.gen(function* () {
      const payments = yield* Payments
      const { id, reference } = yield* aPayment(yield* aBuyer)
      for (const text of ["", "tk_once_", `tk_once_${"a".repeat(43)}`, "\u0000", "' OR 1=1 --", "\ud800"]) {
        assert.strictEqual((yield* Effect.flip(payments.status(id, text)))._tag, "TicketInvalid")
        assert.strictEqual((yield* Effect.flip(payments.statusOfOrder(reference, text)))._tag, "TicketInvalid")
      }
    })
  )

  it.effect("shows the payment of its order by the order's number", () =>
    Effect.gen(function* () {
      const payments = yield* Payments
      const tickets = yield* Tickets
      const { id, reference } = yield* aPayment(yield* aBuyer)
      const answer = yield* payments.statusOfOrder(reference, yield* tickets.issue(id))
      assert.strictEqual(answer.id, id)
      const error = yield* Effect.flip(payments.statusOfOrder("another order", answer.ticket))
      assert.strictEqual(error._tag, "TicketInvalid")
      assert.strictEqual((yield* payments.statusOfOrder(id, answer.ticket)).id, id)
    })
  )

  it.effect("shows the payment of its order, however many others have an order of that number since", () =>
    Effect.gen(function* () {
      const payments = yield* Payments
      const order = { amount: cny(700), reference: "1001", description: "a lamp" }
      const { id, ticket } = yield* payments.create(order, yield* aMerchant, yield* newOperationId)
      for (let other = 0; other < 25; other++) {
        yield* payments.create(order, yield* aMerchant, yield* newOperationId)
      }
      assert.strictEqual((yield* payments.statusOfOrder("1001", ticket)).id, id)
    })
  )
})
