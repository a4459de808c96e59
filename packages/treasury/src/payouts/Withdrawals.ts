import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits } from "@mall/domain/kernel/Money"
import type { Money } from "@mall/domain/kernel/Money"
import type { AccountClosed, AccountFrozen, AccountOverdrawn, PostRefused } from "@mall/domain/ledger/LedgerError"
import { TransferId } from "@mall/domain/ledger/Transfer"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { MerchantStanding } from "@mall/domain/merchants/MerchantStanding"
import type { NewWithdrawal, PayoutDetails, PayoutKind } from "@mall/domain/treasury/Payout"
import { IdUsed, PayoutAccountCoolingOff, WithdrawalLimitExceeded } from "@mall/domain/treasury/PayoutError"
import { NoPayoutAccount, Payouts, PayoutsWithheld } from "@mall/domain/treasury/Payouts"
import type { PayoutId, PayoutRequest } from "@mall/domain/treasury/Payouts"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, Duration, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { actNow } from "./Act.ts"
import type { Act } from "./Act.ts"
import { Banks } from "./bank/Banks.ts"
import { PayoutAccountRepo } from "./PayoutAccountRepo.ts"
import { PayoutBooks } from "./PayoutBooks.ts"
import { countStep } from "./payoutMetrics.ts"
import { PayoutRepo } from "./PayoutRepo.ts"
import type { PayoutRow } from "./PayoutRepo.ts"
import { PayoutsConfig } from "./PayoutsConfig.ts"

const newTransferId = generator(TransferId)

interface Wanted {
  readonly id: PayoutId
  readonly merchantId: MerchantId
  readonly money: Money
  readonly kind: PayoutKind
  readonly subject: string | null
  readonly approvalsNeeded: number
}

/** How many people of the mall approve what is above the threshold. */
const approvers = 2

/** Pay-outs come into being: those that merchants ask for, and those of the port `Payouts`. */
export class Withdrawals extends Context.Service<
  Withdrawals,
  {
    /** The same `id` again answers as it is. */
    create(
      merchantId: MerchantId,
      input: NewWithdrawal,
      actor: string,
      id: PayoutId
    ): Effect.Effect<
      PayoutDetails,
      | IdUsed
      | NoPayoutAccount
      | PayoutsWithheld
      | PayoutAccountCoolingOff
      | WithdrawalLimitExceeded
      | AccountOverdrawn
      | AccountClosed
      | AccountFrozen
    >
    /** See `Payouts`. */
    request(request: PayoutRequest): Effect.Effect<void, NoPayoutAccount | PayoutsWithheld | PostRefused | SqlError>
  }
>()("@mall/treasury/payouts/Withdrawals") {
  static readonly layerNoDeps = Layer.effect(
    Withdrawals,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const accounts = yield* PayoutAccountRepo
      const { current } = yield* Banks
      const books = yield* PayoutBooks
      const config = yield* PayoutsConfig
      const repo = yield* PayoutRepo
      const standings = yield* MerchantStanding
      const audit = yield* makeAuditRecorder

      /** Where the money goes, which is due to be used; none where a new one cools off, or the merchant may not do business. */
      const accountFor = Effect.fnUntraced(function* (merchantId: MerchantId, { currency }: Money, now: Date) {
        const standing = yield* standings.of(merchantId)
        if (standing !== "active") return yield* new PayoutsWithheld({ merchantId, standing })
        const active = yield* accounts.active(merchantId, currency)
        if (Option.isNone(active)) return yield* new NoPayoutAccount({ merchantId, currency, usableFrom: null })
        const { id, usableFrom } = active.value.account
        if (usableFrom === null || usableFrom > now) {
          return yield* new PayoutAccountCoolingOff({ accountId: id, usableFrom: usableFrom ?? now })
        }
        return id
      })

      /** Writes it down and holds the money. Needs a transaction in which the merchant is locked. */
      const open = Effect.fnUntraced(function* (wanted: Wanted, accountId: PayoutRow["accountId"], act: Act) {
        const { money, ...rest } = wanted
        const isApproved = wanted.approvalsNeeded === 0
        const row: PayoutRow = {
          ...rest,
          ...{ accountId, amount: money.amount, currency: money.currency },
          status: isApproved ? "approved" : "awaiting_approval",
          ...{ channel: current.id, bank: current.bank, batchId: null, bankReference: null, failure: null },
          ...{ firstApprover: null, secondApprover: null, requestedBy: act.actor, tries: 0, asks: 0 },
          dueAt: isApproved ? act.now : null,
          ...{ endTransferId: yield* newTransferId, returnTransferId: yield* newTransferId },
          ...{ createdAt: act.now, updatedAt: act.now }
        }
        yield* repo.insert(row)
        yield* repo.tell(row.id, null, "requested", act)
        const reason = isApproved ? "needs no approval" : `needs the approval of ${approvers}`
        yield* repo.tell(row.id, "requested", row.status, { ...act, reason })
        yield* books.hold(row, act)
        yield* countStep(row.currency, row.status)
        return row
      })

      const checkLimits = Effect.fnUntraced(function* (merchantId: MerchantId, { amount, currency }: Money, now: Date) {
        const { approvalAbove, perDay, perRequest } = yield* Effect.orDie(config.limitsOf(currency))
        const exceeded = (period: "request" | "day", limit: number, left: number) =>
          new WithdrawalLimitExceeded({
            ...{ period, limit: MinorUnits.make(limit), left: MinorUnits.make(Math.max(0, left)), currency }
          })
        if (amount > perRequest) return yield* exceeded("request", perRequest, perRequest)
        const since = new Date(now.getTime() - Duration.toMillis("24 hours"))
        const left = perDay - (yield* repo.withdrawnSince(merchantId, currency, since))
        if (amount > left) return yield* exceeded("day", perDay, left)
        return amount > approvalAbove ? approvers : 0
      })

      const isSame = (row: PayoutRow, merchantId: MerchantId, { amount, currency }: Money) =>
        row.merchantId === merchantId && row.amount === amount && row.currency === currency

      const create = Effect.fn("Withdrawals.create")(
        (merchantId: MerchantId, { money, reason }: NewWithdrawal, actor: string, id: PayoutId) =>
          Effect.gen(function* () {
            yield* accounts.lockMerchant(merchantId)
            const found = yield* repo.find(id)
            if (Option.isSome(found)) {
              if (!isSame(found.value, merchantId, money)) return yield* new IdUsed({ id })
              return yield* repo.details(found.value)
            }
            const act = yield* actNow(actor, reason)
            const accountId = yield* accountFor(merchantId, money, act.now)
            const approvalsNeeded = yield* checkLimits(merchantId, money, act.now)
            const row = yield* open(
              { id, merchantId, money, kind: "withdrawal", subject: null, approvalsNeeded },
              accountId,
              act
            )
            yield* audit.record({
              ...{ action: "withdrawal.create", resource: { type: "payout", id }, merchantId, reason },
              after: { amount: row.amount, currency: row.currency, status: row.status }
            })
            return yield* repo.details(row)
          }).pipe(
            sql.withTransaction,
            retryConflicts,
            Effect.catchTags({
              ...{ SqlError: Effect.die, TransferIdReused: () => new IdUsed({ id }), TransferMalformed: Effect.die },
              ...{ BalanceTooLarge: Effect.die, PendingTransferNotFound: Effect.die, PendingTransferOver: Effect.die }
            })
          )
      )

      const request = Effect.fn("Payouts.request")(
        ({ actor, id, merchantId, money, reason, subject }: PayoutRequest) =>
          Effect.gen(function* () {
            yield* accounts.lockMerchant(merchantId)
            const found = yield* repo.find(id)
            if (Option.isSome(found)) return
            const act = yield* actNow(actor, reason)
            const accountId = yield* Effect.catchTag(
              accountFor(merchantId, money, act.now),
              "PayoutAccountCoolingOff",
              ({ usableFrom }) => new NoPayoutAccount({ merchantId, currency: money.currency, usableFrom })
            )
            yield* open({ id, merchantId, money, kind: "settlement", subject, approvalsNeeded: 0 }, accountId, act)
          }),
        // within the caller's transaction a savepoint: what is refused leaves nothing behind
        sql.withTransaction
      )

      return Withdrawals.of({ create, request })
    })
  )
}

/** The port by which settlements are paid out. */
export const payoutsLayer = Layer.effect(
  Payouts,
  Effect.map(Withdrawals, ({ request }) => Payouts.of({ request }))
)
