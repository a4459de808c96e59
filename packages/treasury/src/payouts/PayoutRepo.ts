import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { TransferId } from "@mall/domain/ledger/Transfer"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Payout, PayoutDetails, PayoutStatus } from "@mall/domain/treasury/Payout"
import { changeOf } from "@mall/domain/treasury/PayoutAccount"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Act } from "./Act.ts"

const { accountId, approvalsNeeded, bankReference, channel, createdAt, failure, kind } = Payout.fields
const { merchantId, requestedBy, subject, updatedAt } = Payout.fields

/** A row of `treasury.payouts`. */
export const PayoutRow = Schema.Struct({
  ...{ id: PayoutId, merchantId, accountId, kind, subject, amount: MinorUnits, currency: Currency },
  ...{ status: PayoutStatus, channel, bank: Schema.String, batchId: Schema.NullOr(Schema.String), bankReference },
  ...{ failure, approvalsNeeded, firstApprover: Schema.NullOr(Schema.String) },
  ...{ secondApprover: Schema.NullOr(Schema.String), requestedBy, tries: Schema.Int, asks: Schema.Int },
  ...{ dueAt: Schema.NullOr(Schema.Date), endTransferId: TransferId, returnTransferId: TransferId },
  ...{ createdAt, updatedAt }
})
export type PayoutRow = typeof PayoutRow.Type

type Changes = Partial<
  Pick<
    PayoutRow,
    | "asks"
    | "bankReference"
    | "batchId"
    | "channel"
    | "dueAt"
    | "failure"
    | "firstApprover"
    | "secondApprover"
    | "tries"
  >
>

export const moneyOf = ({ amount, currency }: PayoutRow) => new Money({ amount, currency })

export const viewOf = (row: PayoutRow) =>
  new Payout({
    ...row,
    money: moneyOf(row),
    approvedBy: [row.firstApprover, row.secondApprover].filter((approver) => approver !== null)
  })

const Change = changeOf(PayoutStatus)
const Due = Schema.Struct({ limit: Schema.Int, now: Schema.Date })
const Since = Schema.Struct({ merchantId: Schema.String, currency: Schema.String, since: Schema.Date })

/** Rows of pay-outs and their history. */
export class PayoutRepo extends Context.Service<
  PayoutRepo,
  {
    find(id: PayoutId): Effect.Effect<Option.Option<PayoutRow>, SqlError>
    /** Needs a transaction, until whose end nobody else changes it. */
    lock(id: PayoutId): Effect.Effect<Option.Option<PayoutRow>, SqlError>
    details(row: PayoutRow): Effect.Effect<PayoutDetails, SqlError>
    insert(row: PayoutRow): Effect.Effect<void, SqlError>
    /** Says in the history that it came from `from` to where it stands. */
    tell(id: PayoutId, from: PayoutStatus | null, to: PayoutStatus, act: Act): Effect.Effect<void, SqlError>
    /** Answers with the row as it is then. What is not due any more is due never, unless told. */
    move(from: PayoutRow, to: PayoutStatus, act: Act, changes?: Changes): Effect.Effect<PayoutRow, SqlError>
    /** When somebody is to look again, and how often they did. */
    postpone(id: PayoutId, dueAt: Date, asks: number): Effect.Effect<void, SqlError>
    /** Locks what is due and nobody else has locked, the longest due first. Needs a transaction. */
    lockDue(limit: number, now: Date): Effect.Effect<ReadonlyArray<PayoutRow>, SqlError>
    /** What a merchant withdrew, or is about to, since then. */
    withdrawnSince(merchantId: MerchantId, currency: Currency, since: Date): Effect.Effect<number, SqlError>
  }
>()("@mall/treasury/payouts/PayoutRepo") {
  static readonly layer = Layer.effect(
    PayoutRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const byId = SqlSchema.findOneOption({
        Request: PayoutId,
        Result: PayoutRow,
        execute: (id) => sql`SELECT p.* FROM treasury.payouts AS p WHERE p.id = ${id}`
      })
      const byIdLocked = SqlSchema.findOneOption({
        Request: PayoutId,
        Result: PayoutRow,
        execute: (id) => sql`SELECT p.* FROM treasury.payouts AS p WHERE p.id = ${id} FOR UPDATE`
      })
      const due = SqlSchema.findAll({
        Request: Due,
        Result: PayoutRow,
        execute: ({ limit, now }) => sql`
          SELECT p.* FROM treasury.payouts AS p WHERE p.due_at <= ${now}
          ORDER BY p.due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`
      })
      const withdrawn = SqlSchema.findOne({
        Request: Since,
        Result: Schema.Struct({ amount: Schema.Int }),
        execute: ({ currency, merchantId, since }) => sql`
          SELECT coalesce(sum(p.amount), 0)::bigint AS amount FROM treasury.payouts AS p
          WHERE p.merchant_id = ${merchantId} AND p.currency = ${currency} AND p.kind = 'withdrawal'
            AND p.created_at > ${since} AND p.status NOT IN ('refused', 'returned', 'rejected', 'cancelled')`
      })
      const history = SqlSchema.findAll({
        Request: PayoutId,
        Result: Change,
        execute: (id) => sql`
          SELECT h.from_status, h.to_status, h.actor, h.reason, h.trace_id, h.at
          FROM treasury.payout_history AS h WHERE h.payout_id = ${id} ORDER BY h.id`
      })

      const tell = (id: PayoutId, from: PayoutStatus | null, to: PayoutStatus, act: Act) =>
        Effect.asVoid(sql`
          INSERT INTO treasury.payout_history (payout_id, from_status, to_status, actor, reason, trace_id, at)
          VALUES (${id}, ${from}, ${to}, ${act.actor}, ${act.reason}, ${act.traceId}, ${act.now})`)

      return PayoutRepo.of({
        find: (id) => Effect.catchTag(byId(id), "SchemaError", Effect.die),
        lock: (id) => Effect.catchTag(byIdLocked(id), "SchemaError", Effect.die),
        details: (row) =>
          history(row.id).pipe(
            Effect.map((changes) => new PayoutDetails({ payout: viewOf(row), history: changes })),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        insert: (row) => Effect.asVoid(sql`INSERT INTO treasury.payouts ${sql.insert(row)}`),
        tell,
        move: Effect.fnUntraced(function* (from, to, act, changes = {}) {
          const row: PayoutRow = { ...from, dueAt: null, ...changes, status: to, updatedAt: act.now }
          const { asks, bankReference, batchId, channel, dueAt, failure, firstApprover, secondApprover, tries } = row
          yield* sql`
            UPDATE treasury.payouts SET status = ${to}, updated_at = ${act.now}, asks = ${asks}, tries = ${tries},
              bank_reference = ${bankReference}, batch_id = ${batchId}, channel = ${channel}, due_at = ${dueAt},
              failure = ${failure}, first_approver = ${firstApprover}, second_approver = ${secondApprover}
            WHERE id = ${from.id}`
          yield* tell(from.id, from.status, to, act)
          return row
        }),
        postpone: (id, dueAt, asks) =>
          Effect.asVoid(sql`UPDATE treasury.payouts SET due_at = ${dueAt}, asks = ${asks} WHERE id = ${id}`),
        lockDue: (limit, now) => Effect.catchTag(due({ limit, now }), "SchemaError", Effect.die),
        withdrawnSince: (merchantId, currency, since) =>
          withdrawn({ merchantId, currency, since }).pipe(
            Effect.map(({ amount }) => amount),
            Effect.catchTags({ SchemaError: Effect.die, NoSuchElementError: Effect.die })
          )
      })
    })
  )
}
