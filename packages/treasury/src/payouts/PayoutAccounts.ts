import { maskAccount, maskName } from "@mall/domain/kernel/mask"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { AuditAction } from "@mall/domain/operations/Audit"
import { faultsOf, withoutSpaces } from "@mall/domain/treasury/bankAccount"
import { PayoutAccount, PayoutAccountDetails, payoutAccountStates } from "@mall/domain/treasury/PayoutAccount"
import type { NewPayoutAccount, PayoutAccountId, PayoutAccountStatus } from "@mall/domain/treasury/PayoutAccount"
import {
  AnotherPersonNeeded,
  IdUsed,
  PayoutAccountDecided,
  PayoutAccountInvalid,
  PayoutAccountNotFound
} from "@mall/domain/treasury/PayoutError"
import type { AccountDecisionRefused } from "@mall/domain/treasury/PayoutError"
import { payoutAccountCooledOff, payoutAccountNews } from "@mall/domain/treasury/PayoutTopics"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { readsOf, transactionOf } from "@mall/platform/Tenancy"
import { Context, DateTime, Effect, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { actNow } from "./Act.ts"
import type { Act } from "./Act.ts"
import { PayoutAccountRepo } from "./PayoutAccountRepo.ts"
import { PayoutsConfig } from "./PayoutsConfig.ts"
import type { OpenedAccount } from "./sealedAccounts.ts"
import { tenantOf } from "./seenBy.ts"
import type { Sees } from "./seenBy.ts"

const auditedOf = ({ country, currency, holder, maskedNumber, status }: PayoutAccount) => ({
  ...{ country, currency, holder: maskName(holder), number: maskedNumber, status }
})

/** Where merchants' money is paid out to, as they add it and somebody of the mall verifies it. No answer holds a number. */
export class PayoutAccounts extends Context.Service<
  PayoutAccounts,
  {
    details(sees: Sees, id: PayoutAccountId): Effect.Effect<PayoutAccountDetails, PayoutAccountNotFound>
    /** The same `id` again answers as it is. Others that wait for the same currency give way. */
    add(
      merchantId: MerchantId,
      input: NewPayoutAccount,
      actor: string,
      id: PayoutAccountId
    ): Effect.Effect<PayoutAccountDetails, PayoutAccountInvalid | IdUsed>
    /** By somebody else than who added it. It takes the place of the active one of its currency at once. */
    verify(
      id: PayoutAccountId,
      reason: string,
      actor: string
    ): Effect.Effect<PayoutAccountDetails, AccountDecisionRefused>
    reject(
      id: PayoutAccountId,
      reason: string,
      actor: string
    ): Effect.Effect<PayoutAccountDetails, AccountDecisionRefused>
    /** The time of a verified account is over; its merchant hears of it, unless another took its place meanwhile. */
    cooledOff(id: PayoutAccountId): Effect.Effect<void>
  }
>()("@mall/treasury/payouts/PayoutAccounts") {
  static readonly layerNoDeps = Layer.effect(
    PayoutAccounts,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* PayoutAccountRepo
      const { coolingOff } = yield* PayoutsConfig
      const outbox = yield* Outbox
      const audit = yield* makeAuditRecorder

      const read = Effect.fnUntraced(function* (sees: Sees, id: PayoutAccountId) {
        const found = yield* repo.find(id)
        if (Option.isNone(found) || (sees !== "all" && found.value.account.merchantId !== sees)) {
          return yield* new PayoutAccountNotFound({ accountId: id })
        }
        return new PayoutAccountDetails({ account: found.value.account, history: yield* repo.history(id) })
      })
      const details = Effect.fn("PayoutAccounts.details")(
        (sees: Sees, id: PayoutAccountId) => read(sees, id).pipe(readsOf(sql, "mall_pay_tenant", tenantOf(sees))),
        Effect.catchTag("SqlError", Effect.die)
      )

      const insert = Effect.fnUntraced(function* (opened: OpenedAccount, act: Act) {
        const { account: row } = opened
        yield* repo.lockMerchant(row.merchantId)
        const found = yield* repo.find(row.id)
        if (Option.isSome(found)) {
          const { currency, maskedNumber } = found.value.account
          return maskedNumber === row.maskedNumber && currency === row.currency
            ? undefined
            : yield* new IdUsed({ id: row.id })
        }
        for (const other of yield* repo.unverified(row.merchantId, row.currency)) {
          yield* repo.move(other.account, "superseded", act)
        }
        yield* repo.insert(opened, act)
        yield* outbox.publish(payoutAccountNews, newsOf(row, "added"))
        const { id, merchantId } = row
        yield* audit.record({
          action: "payout_account.add",
          resource: { type: "payout_account", id },
          ...{ merchantId, reason: act.reason, after: auditedOf(row) }
        })
      })

      const add = Effect.fn("PayoutAccounts.add")(
        function* (merchantId: MerchantId, input: NewPayoutAccount, actor: string, id: PayoutAccountId) {
          const { bankCode = null, bic = null, country, currency, holder, reason } = input
          const number = withoutSpaces(Redacted.value(input.number))
          const wrong = faultsOf({ country, number, bankCode, bic })
          if (wrong.length > 0) return yield* new PayoutAccountInvalid({ wrong })
          const act = yield* actNow(actor, reason)
          const account = new PayoutAccount({
            ...{ id, merchantId, currency, country, holder, bankCode, bic, status: "unverified", addedBy: actor },
            ...{ verifiedBy: null, usableFrom: null, endedAt: null, createdAt: act.now },
            maskedNumber: maskAccount(number)
          })
          yield* insert({ account, number: Redacted.make(number, { label: "account number" }) }, act).pipe(
            transactionOf(sql, "mall_pay_tenant", { merchantId }),
            retryConflicts,
            // an id of somebody else's is not seen here, and yet cannot be taken
            Effect.catchReason("SqlError", "UniqueViolation", () => new IdUsed({ id }))
          )
          return yield* Effect.catchTag(details(merchantId, id), "PayoutAccountNotFound", Effect.die)
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const decide = (
        id: PayoutAccountId,
        reason: string,
        actor: string,
        action: AuditAction,
        to: PayoutAccountStatus
      ) =>
        Effect.gen(function* () {
          const seen = yield* repo.find(id)
          if (Option.isNone(seen)) return yield* new PayoutAccountNotFound({ accountId: id })
          const { currency, merchantId } = seen.value.account
          yield* repo.lockMerchant(merchantId)
          const found = yield* repo.lock(id)
          const { account: row } = Option.getOrElse(found, () => seen.value)
          if (!payoutAccountStates.can(row.status, to)) {
            return yield* new PayoutAccountDecided({ accountId: id, state: row.status })
          }
          if (row.addedBy === actor) return yield* new AnotherPersonNeeded({})
          const act = yield* actNow(actor, reason)
          if (to === "active") {
            const former = yield* repo.active(merchantId, currency)
            if (Option.isSome(former)) yield* repo.move(former.value.account, "superseded", act)
          }
          const usableFrom = DateTime.toDate(DateTime.addDuration(DateTime.fromDateUnsafe(act.now), coolingOff))
          yield* repo.move(row, to, act, to === "active" ? { by: actor, usableFrom } : undefined)
          if (to === "active") yield* outbox.publish(payoutAccountCooledOff, { accountId: id }, { delay: coolingOff })
          yield* audit.record({
            ...{ action, resource: { type: "payout_account", id }, merchantId, reason },
            ...{ before: auditedOf(row), after: { ...auditedOf(row), status: to } }
          })
        }).pipe(
          sql.withTransaction,
          retryConflicts,
          Effect.andThen(details("all", id)),
          Effect.catchTag("SqlError", Effect.die)
        )

      const cooledOff = Effect.fn("PayoutAccounts.cooledOff")(
        function* (id: PayoutAccountId) {
          const found = yield* repo.lock(id)
          if (Option.isNone(found) || found.value.account.status !== "active") return
          yield* outbox.publish(payoutAccountNews, newsOf(found.value.account, "usable"))
        },
        sql.withTransaction,
        Effect.catchTag("SqlError", Effect.die)
      )

      return PayoutAccounts.of({
        cooledOff,
        details,
        add,
        verify: Effect.fn("PayoutAccounts.verify")((id, reason, actor) =>
          decide(id, reason, actor, "payout_account.verify", "active")
        ),
        reject: Effect.fn("PayoutAccounts.reject")((id, reason, actor) =>
          decide(id, reason, actor, "payout_account.reject", "rejected")
        )
      })
    })
  )
}

const newsOf = ({ currency, id: accountId, maskedNumber, merchantId }: PayoutAccount, what: "added" | "usable") => ({
  ...{ accountId, merchantId, currency, maskedNumber, what }
})
