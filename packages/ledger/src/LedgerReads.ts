import { Account, AccountCode, AccountId, AccountKind, Side, TrialBalance } from "@mall/domain/ledger/Account"
import { LedgerAccountNotFound, TransferNotFound } from "@mall/domain/ledger/LedgerError"
import { Entry, Purpose, StatementLine, Transfer, TransferDetails, TransferId } from "@mall/domain/ledger/Transfer"
import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { mayEverywhere, shopOf } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { readsOf, tenantSeeing } from "@mall/platform/Tenancy"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"

interface PageRequest {
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

export interface AccountFilter extends PageRequest {
  readonly kind?: AccountKind | undefined
  /** As they stood then; now where it is not given. */
  readonly at?: Date | undefined
}

export interface TransferFilter extends PageRequest {
  readonly subject?: string | undefined
  readonly purpose?: Purpose | undefined
}

/** From and until when, the second not included. */
export interface StatementFilter extends PageRequest {
  readonly from?: Date | undefined
  readonly to?: Date | undefined
}

/** Whose accounts are seen: `all` is for operators, null sees none. */
export type Sees = "all" | MerchantId | null

export const seenBy = (principal: Principal): Sees =>
  mayEverywhere(principal, "ledger:administer") ? "all" : Option.getOrNull(shopOf(principal, "ledger:read"))

const AccountRow = Schema.Struct({ ...Account.fields, balance: Schema.optionalKey(MinorUnits) })
const LineRow = Schema.Struct({ ...StatementLine.fields, balance: Schema.optionalKey(MinorUnits), entryId: Schema.Int })
const OpeningRow = Schema.Struct({ debits: Schema.Int, credits: Schema.Int })
const BalanceLine = Schema.Struct({ kind: AccountKind, currency: Currency, debits: MinorUnits, credits: MinorUnits })
const { outcome, sequence } = TransferDetails.fields
const TransferRow = Schema.Struct({ ...Transfer.fields, outcome, sequence })

const accountCursor = cursorOf(Schema.Struct({ id: AccountId }))
const transferCursor = cursorOf(Schema.Struct({ id: TransferId }))
const lineCursor = cursorOf(Schema.Struct({ at: Schema.Int, entry: Schema.Int }))

const decodeAll = <S extends Schema.Constraint>(row: S) => Schema.decodeUnknownEffect(Schema.Array(row))
const decodeAccounts = decodeAll(AccountRow)
const decodeTransfers = decodeAll(Transfer)
const decodeDetails = decodeAll(TransferRow)
const decodeEntries = decodeAll(Entry)
const decodeLines = decodeAll(LineRow)
const decodeOpening = decodeAll(OpeningRow)
const decodeBalance = decodeAll(BalanceLine)

const onSide = (side: Side, debits: number, credits: number) =>
  MinorUnits.make(side === "debit" ? debits - credits : credits - debits)

const toAccount = (row: typeof AccountRow.Type) =>
  new Account({ ...row, balance: onSide(row.normalSide, row.debitsPosted, row.creditsPosted) })

const isCode = Schema.is(AccountCode)

/** Lists and looks. Whose rows are seen is in the `WHERE` clause. */
export class LedgerReads extends Context.Service<
  LedgerReads,
  {
    /** Newest first. */
    accounts(sees: Sees, filter: AccountFilter): Effect.Effect<Page<Account>, InvalidCursor>
    /** By id or by code. */
    account(
      sees: Sees,
      ref: AccountId | AccountCode,
      at?: Date | undefined
    ): Effect.Effect<Account, LedgerAccountNotFound>
    /** Newest first. */
    transfers(filter: TransferFilter): Effect.Effect<Page<Transfer>, InvalidCursor>
    transfer(id: TransferId): Effect.Effect<TransferDetails, TransferNotFound>
    /** Oldest first. */
    statement(
      sees: Sees,
      ref: AccountId | AccountCode,
      filter: StatementFilter
    ): Effect.Effect<Page<StatementLine>, LedgerAccountNotFound | InvalidCursor>
    trialBalance(sees: Sees, at?: Date | undefined): Effect.Effect<TrialBalance>
  }
>()("@mall/ledger/LedgerReads") {
  static readonly layer = Layer.effect(
    LedgerReads,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const seen = (sees: Sees) => (sees === "all" ? sql`true` : sql`a.merchant_id = ${sees}`)

      const within = (sees: Sees) => readsOf(sql, "mall_pay_tenant", tenantSeeing(sees))

      /** The sums of the account `a`, of all its shards; at a time they are those after the last entry until then. */
      const sums = (at: Date | undefined) =>
        at === undefined
          ? sql`
            SELECT sum(b.debits_pending)::bigint AS debits_pending, sum(b.debits_posted)::bigint AS debits_posted,
              sum(b.credits_pending)::bigint AS credits_pending, sum(b.credits_posted)::bigint AS credits_posted,
              sum(b.version)::bigint AS version
            FROM ledger.balances AS b WHERE b.account_id = a.id`
          : sql`
            SELECT coalesce(sum(e.debits_pending_after), 0)::bigint AS debits_pending,
              coalesce(sum(e.debits_posted_after), 0)::bigint AS debits_posted,
              coalesce(sum(e.credits_pending_after), 0)::bigint AS credits_pending,
              coalesce(sum(e.credits_posted_after), 0)::bigint AS credits_posted, coalesce(sum(e.version), 0)::bigint AS version
            FROM generate_series(0, a.shards - 1) AS s
            CROSS JOIN LATERAL (
              SELECT * FROM ledger.entries AS e WHERE e.account_id = a.id AND e.shard = s AND e.at <= ${at}
              ORDER BY e.at DESC, e.version DESC LIMIT 1
            ) AS e`

      const account = Effect.fn("LedgerReads.account")(
        function* (sees: Sees, ref: AccountId | AccountCode, at?: Date) {
          const rows = yield* sql`
            SELECT a.*, s.* FROM ledger.accounts AS a CROSS JOIN LATERAL (${sums(at)}) AS s
            WHERE ${isCode(ref) ? sql`a.code = ${ref}` : sql`a.id = ${ref}`} AND ${seen(sees)}`
          const [row] = yield* decodeAccounts(rows)
          return row === undefined ? yield* new LedgerAccountNotFound({ account: ref }) : toAccount(row)
        },
        (effect, sees) => within(sees)(effect),
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
      )

      /** What was posted to the account before a line: the last entry of each shard. */
      const opening = Effect.fnUntraced(function* (id: AccountId, at: Date, entry: number) {
        const rows = yield* sql`
          SELECT coalesce(sum(e.debits_posted_after), 0)::bigint AS debits,
            coalesce(sum(e.credits_posted_after), 0)::bigint AS credits
          FROM ledger.balances AS b
          CROSS JOIN LATERAL (
            SELECT * FROM ledger.entries AS e
            WHERE e.account_id = b.account_id AND e.shard = b.shard AND (e.at < ${at} OR (e.at = ${at} AND e.id <= ${entry}))
            ORDER BY e.at DESC, e.version DESC LIMIT 1
          ) AS e
          WHERE b.account_id = ${id}`
        const [row] = yield* decodeOpening(rows)
        return row ?? { debits: 0, credits: 0 }
      })

      const statement = Effect.fn("LedgerReads.statement")(
        function* (
          sees: Sees,
          ref: AccountId | AccountCode,
          { after, from, limit = defaultLimit, to }: StatementFilter
        ) {
          const { id, normalSide } = yield* account(sees, ref)
          const { at, entry } =
            after === undefined ? { at: from?.getTime() ?? 0, entry: 0 } : yield* lineCursor.decode(after)
          const start = new Date(at)
          const rows = yield* decodeLines(
            yield* sql`
              SELECT e.id AS entry_id, e.at, e.transfer_id, t.type, t.purpose, t.subject, t.reason, e.debits_pending,
                e.debits_posted, e.credits_pending, e.credits_posted
              FROM ledger.entries AS e JOIN ledger.transfers AS t ON t.id = e.transfer_id
              WHERE e.account_id = ${id} AND (e.at, e.id) > (${start}::timestamptz, ${entry}::bigint)
                AND ${to === undefined ? sql`true` : sql`e.at < ${to}`}
              ORDER BY e.at, e.id LIMIT ${limit + 1}`
          )
          let { credits, debits } = yield* opening(id, start, entry)
          const lines = rows.map((row) => {
            debits += row.debitsPosted
            credits += row.creditsPosted
            return { ...row, balance: onSide(normalSide, debits, credits) }
          })
          const page = toPage(lines, limit, ({ at, entryId }) =>
            lineCursor.encode({ at: at.getTime(), entry: entryId })
          )
          return { ...page, data: page.data.map((line) => new StatementLine(line)) }
        },
        (effect, sees) => within(sees)(effect),
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
      )

      return LedgerReads.of({
        account,
        statement,
        accounts: Effect.fn("LedgerReads.accounts")(
          function* (sees, { after, at, kind, limit = defaultLimit }) {
            const clauses = [
              seen(sees),
              ...(kind === undefined ? [] : [sql`a.kind = ${kind}`]),
              ...(after === undefined ? [] : [sql`a.id < ${(yield* accountCursor.decode(after)).id}`])
            ]
            const rows = yield* sql`
              SELECT a.*, s.* FROM (
                SELECT a.* FROM ledger.accounts AS a WHERE ${sql.and(clauses)} ORDER BY a.id DESC LIMIT ${limit + 1}
              ) AS a CROSS JOIN LATERAL (${sums(at)}) AS s ORDER BY a.id DESC`
            return toPage((yield* decodeAccounts(rows)).map(toAccount), limit, ({ id }) => accountCursor.encode({ id }))
          },
          (effect, sees) => within(sees)(effect),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        transfers: Effect.fn("LedgerReads.transfers")(
          function* ({ after, limit = defaultLimit, purpose, subject }) {
            const clauses = [
              sql`true`,
              ...(subject === undefined ? [] : [sql`t.subject = ${subject}`]),
              ...(purpose === undefined ? [] : [sql`t.purpose = ${purpose}`]),
              ...(after === undefined ? [] : [sql`t.id < ${(yield* transferCursor.decode(after)).id}`])
            ]
            const rows = yield* sql`
              SELECT t.* FROM ledger.transfers AS t WHERE ${sql.and(clauses)} ORDER BY t.id DESC LIMIT ${limit + 1}`
            return toPage(yield* decodeTransfers(rows), limit, ({ id }) => transferCursor.encode({ id }))
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        transfer: Effect.fn("LedgerReads.transfer")(
          function* (id) {
            const rows = yield* sql`
              SELECT t.*, s.sequence,
                CASE ending.type WHEN 'post' THEN 'posted' WHEN 'void' THEN 'voided' WHEN 'expire' THEN 'expired' END AS outcome
              FROM ledger.transfers AS t
              LEFT JOIN ledger.transfers AS ending ON ending.pending_id = t.id
              LEFT JOIN ledger.seals AS s ON s.transfer_id = t.id
              WHERE t.id = ${id}`
            const [row] = yield* decodeDetails(rows)
            if (row === undefined) return yield* new TransferNotFound({ transferId: id })
            const entries = yield* sql`
              SELECT e.*, a.code AS account FROM ledger.entries AS e JOIN ledger.accounts AS a ON a.id = e.account_id
              WHERE e.transfer_id = ${id} ORDER BY e.id`
            const { outcome, sequence, ...transfer } = row
            return new TransferDetails({
              transfer: new Transfer(transfer),
              entries: yield* decodeEntries(entries),
              outcome,
              sequence
            })
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        trialBalance: Effect.fn("LedgerReads.trialBalance")(
          function* (sees, at) {
            const now = yield* DateTime.nowAsDate
            const rows = yield* sql`
              SELECT a.kind, a.currency, sum(greatest(s.debits_posted - s.credits_posted, 0))::bigint AS debits,
                sum(greatest(s.credits_posted - s.debits_posted, 0))::bigint AS credits
              FROM ledger.accounts AS a CROSS JOIN LATERAL (${sums(at)}) AS s
              WHERE ${seen(sees)} GROUP BY a.kind, a.currency ORDER BY a.currency, a.kind`
            const lines = yield* decodeBalance(rows)
            const totals = [...new Set(lines.map(({ currency }) => currency))].map((currency) => {
              const own = lines.filter((line) => line.currency === currency)
              const sum = (of: (line: typeof BalanceLine.Type) => number) =>
                MinorUnits.make(own.reduce((total, line) => total + of(line), 0))
              return { currency, debits: sum(({ debits }) => debits), credits: sum(({ credits }) => credits) }
            })
            return new TrialBalance({ at: at ?? now, lines, totals })
          },
          (effect, sees) => within(sees)(effect),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        )
      })
    })
  )
}
