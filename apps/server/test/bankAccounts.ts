import { generator } from "@mall/domain/kernel/Id"
import { PayoutAccountId } from "@mall/domain/treasury/PayoutAccount"
import { Effect, Redacted } from "effect"
import type { signIn } from "./shoppers.ts"

type Person = Effect.Success<ReturnType<typeof signIn>>

const newAccountId = generator(PayoutAccountId)

/** The merchant names an account in yuan to be paid out to, and the mall believes it. */
export const addBankAccount = Effect.fnUntraced(function* (
  { admin, merchant }: { readonly admin: Person; readonly merchant: Person },
  reason: string,
  holder = "Tea"
) {
  const id = yield* newAccountId
  const account = {
    currency: "CNY",
    country: "CN",
    holder,
    bankCode: "102100099996",
    reason,
    number: Redacted.make("6222021234567890128", { label: "account number" })
  } as const
  yield* merchant.merchant["payouts.addAccount"]({ id, account })
  yield* admin.admin["admin.payouts.verifyAccount"]({ id, reason })
  return id
})
