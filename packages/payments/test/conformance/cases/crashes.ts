import { Money } from "@mall/domain/kernel/Money"
import { assert } from "@effect/vitest"
import { startProgram } from "@mall/testing/TestProcess"
import { Effect, Option, Redacted, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as path from "node:path"
import type { RawCallback } from "../../../src/channel/Channel.ts"
import { newOperationId } from "../../TestPayments.ts"
import { Bench } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { NoticeTap } from "../NoticeTap.ts"
import { ErrandJson } from "../paymentsProcess.ts"
import type { Errand } from "../paymentsProcess.ts"
import { aPaidPayment, aPayment, aSecretlyPaidPayment, choiceOf, confirm, pay, settle } from "../steps.ts"
import { readBooks } from "../truth.ts"

const program = path.join(import.meta.dirname, "../paymentsProcess.ts")
const lock = 20_261_121

/** Runs the errand in a process of its own, killed with the scope as a power failure does. */
const start = Effect.fnUntraced(function* (errand: Errand) {
  const { database, settings } = yield* Bench
  const argument = yield* Effect.orDie(Schema.encodeEffect(ErrandJson)(errand))
  return yield* startProgram(program, { ...settings, DATABASE_URL: Redacted.value(database) }, [argument])
})

/** Waits until a session of the test's database waits for our lock. */
const awaitHeld = (hasEnded: () => boolean) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    if (hasEnded()) return yield* Effect.die(new Error("The process ended before it could be killed"))
    const rows = yield* sql`
      SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = ${lock}
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
    return rows.length
  }).pipe(
    Effect.repeat({ until: (waiting) => waiting > 0, schedule: Schedule.spaced("10 millis") }),
    Effect.timeoutOrElse({
      duration: "50 seconds",
      orElse: () => Effect.die(new Error("The process did not come to the point of its death"))
    })
  )

/**
 * Kills the process that does the errand after the channel has answered and before the outcome is committed: the write of
 * the outcome waits for a lock that we hold, and which is let go when the process is dead.
 */
const killBeforeCommit = Effect.fnUntraced(function* (table: "attempts" | "refunds", errand: Errand) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE FUNCTION payments.hold() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock(20261121); RETURN NEW; END $$`
  yield* sql`
    CREATE TRIGGER hold BEFORE UPDATE OF status ON ${sql.literal(`payments.${table}`)} FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION payments.hold()`
  yield* Effect.gen(function* () {
    yield* sql`SELECT pg_advisory_xact_lock(${lock})`
    const { hasEnded } = yield* start(errand)
    yield* awaitHeld(hasEnded)
  }).pipe(Effect.scoped, sql.withTransaction)
  yield* sql`DROP TRIGGER hold ON ${sql.literal(`payments.${table}`)}`
  yield* sql`DROP FUNCTION payments.hold()`
})

const creation: Case = Effect.gen(function* () {
  const { order } = yield* Bench
  const payee = yield* aPayment()
  yield* killBeforeCommit("attempts", {
    _tag: "Confirm",
    paymentId: payee.id,
    owner: payee.owner,
    choice: yield* choiceOf
  })
  const { attempts } = (yield* readBooks(payee.id)).record
  assert.deepStrictEqual(
    attempts.map(({ status }) => status),
    ["created"]
  )
  const [attempt] = attempts
  assert.isTrue(attempt !== undefined && Option.isSome(yield* order(attempt.id)), "the channel has the order")
  const again = yield* confirm(payee)
  assert.strictEqual(again.attempt.id, attempt?.id)
  yield* pay(again.attempt.id)
  yield* settle(payee.id)
  assert.strictEqual((yield* readBooks(payee.id)).record.intent.status, "succeeded")
  return { payments: [payee.id] }
})

const refunding: Case = Effect.gen(function* () {
  const tap = yield* NoticeTap
  const paid = yield* aPaidPayment()
  yield* tap.withhold
  const { currency } = (yield* readBooks(paid.id)).record.intent
  yield* killBeforeCommit("refunds", {
    _tag: "Refund",
    paymentId: paid.id,
    owner: paid.owner,
    operationId: yield* newOperationId,
    amount: Money.of(2000, currency)
  })
  const { intent, refunds } = (yield* readBooks(paid.id)).record
  assert.deepStrictEqual([intent.held, intent.refunded, refunds[0]?.status], [2000, 0, "pending"])
  yield* settle(paid.id)
  assert.strictEqual((yield* readBooks(paid.id)).record.intent.refunded, 2000)
  return { payments: [paid.id] }
})

const received = (channel: string, { body, headers }: RawCallback): Errand => ({
  _tag: "Receive",
  channel,
  headers: Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  ),
  body: Uint8Array.from(body)
})

const notice: Case = Effect.gen(function* () {
  const { profile } = yield* Bench
  const tap = yield* NoticeTap
  const sql = yield* SqlClient.SqlClient
  const { id } = yield* aSecretlyPaidPayment
  yield* killBeforeCommit(
    "attempts",
    profile.chain === undefined ? received(profile.id, yield* tap.taken) : { _tag: "Look" }
  )
  assert.strictEqual((yield* readBooks(id)).record.intent.captured, 0)
  // it was acknowledged, so it is in the inbox, and acted upon without the channel being asked
  const stored = yield* sql`SELECT id FROM payments.callback_inbox WHERE status = 'received'`
  assert.strictEqual(stored.length, 1)
  yield* settle(id)
  assert.strictEqual((yield* readBooks(id)).record.intent.status, "succeeded")
  return { payments: [id] }
})

/** `kill -9` of the process of payments, after the channel did something and before we have written it down. */
export const crashes = {
  "process killed between creation and commit": creation,
  "process killed between refund and commit": refunding,
  "process killed between notice and commit": notice
} satisfies Readonly<Record<string, Case>>
