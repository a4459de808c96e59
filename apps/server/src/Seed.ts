import { demoMerchantId } from "@mall/catalog/seed/demoGoods"
import { seedCatalog } from "@mall/catalog/seed/seedCatalog"
import { AddressId } from "@mall/domain/identity/AddressBook"
import { Principal, SessionId } from "@mall/domain/identity/CurrentUser"
import type { UserId } from "@mall/domain/identity/CurrentUser"
import type { Role } from "@mall/domain/identity/Permission"
import { Email, Password } from "@mall/domain/identity/User"
import { generator } from "@mall/domain/kernel/Id"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Accounts } from "@mall/identity/users/Accounts"
import { Addresses } from "@mall/identity/users/Addresses"
import { UserAdministration } from "@mall/identity/users/UserAdministration"
import { OrderExpiryRules } from "@mall/trade/OrderExpiryRules"
import { DateTime, Effect, Option, Redacted } from "effect"

/** Accepted only where this seed ran: production has no such accounts. */
export const demoPassword = "demo-correct-horse-battery"

interface DemoAccount {
  readonly email: string
  readonly name: string
  readonly role: Role
  readonly merchantId: MerchantId | null
}

export const demoAccounts = {
  admin: { email: "admin@demo.mall", name: "Ada Admin", role: "admin", merchantId: null },
  merchant: { email: "merchant@demo.mall", name: "Mei Merchant", role: "merchant", merchantId: demoMerchantId },
  buyer: { email: "buyer@demo.mall", name: "Bo Buyer", role: "customer", merchantId: null }
} as const satisfies Record<string, DemoAccount>

/** A payment method whose orders expire in seconds, so that a demo can watch one do so. */
const quickDemoMethod = { paymentMethod: "demo-quick", expirySeconds: 5 }

const newAddressId = generator(AddressId)
const newSessionId = generator(SessionId)

const openAccount = Effect.fnUntraced(function* ({ email, merchantId, name, role }: DemoAccount) {
  const accounts = yield* Accounts
  const password = Password.make(Redacted.make(demoPassword, { label: "password" }))
  return yield* accounts.ensure({ email: Email.make(email), password, name, role, merchantId })
})

const giveAddress = Effect.fnUntraced(function* (userId: UserId) {
  const addresses = yield* Addresses
  const principal = new Principal({
    userId,
    sessionId: yield* newSessionId,
    roles: ["customer"],
    merchantId: Option.none(),
    expiresAt: yield* DateTime.nowAsDate
  })
  yield* addresses.create(principal, yield* newAddressId, {
    recipient: "薄白 Bo Buyer",
    phone: "+86 138 0013 8000",
    countryCode: "CN",
    region: "上海市",
    city: "上海",
    street: "南京西路 1266 号 8 楼",
    postalCode: "200040"
  })
})

/**
 * Fills an empty mall with the demo shop and its three accounts, once: where the demo administrator exists, nothing is
 * done, so that what people changed stays changed. `report` hears of the products' progress. Answers whether it ran.
 */
export const seedDemo = Effect.fn("seedDemo")(function* (report: (done: number, total: number) => Effect.Effect<void>) {
  const administration = yield* UserAdministration
  const rules = yield* OrderExpiryRules
  const before = yield* administration.findByEmail(Email.make(demoAccounts.admin.email))
  if (Option.isSome(before)) return false

  yield* seedCatalog({ onProgress: ({ done, total }) => report(done, total) })
  yield* rules.put({ merchantId: null, categoryId: null, ...quickDemoMethod }, "seed")
  yield* openAccount(demoAccounts.merchant)
  const buyer = yield* openAccount(demoAccounts.buyer)
  yield* giveAddress(buyer.id)
  // last: the account whose presence says that all the rest is there
  yield* openAccount(demoAccounts.admin)
  return true
})
