import { MerchantStaff } from "@mall/domain/identity/MerchantStaff"
import type { Permission } from "@mall/domain/identity/Permission"
import { merchantMoneyMail } from "@mall/domain/merchants/MerchantTopics"
import type { MerchantMoneyMail } from "@mall/domain/merchants/MerchantTopics"
import { payoutAccountNews } from "@mall/domain/treasury/PayoutTopics"
import { SettlementSettled } from "@mall/domain/treasury/Settlement"
import { Outbox } from "@mall/platform/Outbox"
import * as Subscription from "@mall/platform/Subscription"
import { Effect, Layer, Option } from "effect"
import { contactOf, inBoth, sendMail } from "./merchantMail.ts"
import { lettersOf } from "./moneyLetters.ts"

type About = MerchantMoneyMail["about"]

/** Who of the staff has to do with it, as the policy says: the owner, and whoever looks after the money. */
const permissionOf: Readonly<Record<About["_tag"], Permission>> = {
  PayoutAccount: "payouts:accounts",
  Settlement: "settlements:read"
}

const staffOf = (about: About) =>
  MerchantStaff.use((staff) => staff.holding(about.news.merchantId, permissionOf[about._tag]))

/**
 * Asks for one mail to each: the contact that was last approved, so that no login alone keeps the news from the merchant, and those
 * of the staff. The contact is one of the staff where the address is the same.
 */
const writeToAll = Effect.fnUntraced(function* (about: About) {
  const outbox = yield* Outbox
  const contact = Option.getOrNull(yield* contactOf(about.news.merchantId))
  const staff = (yield* staffOf(about)).filter(({ email }) => email !== contact)
  const recipients = [...(contact === null ? [] : [null]), ...staff.map(({ userId }) => userId)]
  yield* outbox.publishAll(
    merchantMoneyMail,
    recipients.map((userId) => ({ userId, about }))
  )
})

/** Who left or was banned since it was asked for is not written to. */
const write = Effect.fnUntraced(function* (message: MerchantMoneyMail) {
  const { about, userId } = message
  const staff = yield* staffOf(about)
  const contact = userId === null ? Option.getOrUndefined(yield* contactOf(about.news.merchantId)) : undefined
  const member = staff.find((one) => (userId === null ? one.email === contact : one.userId === userId))
  const to = contact ?? member?.email
  if (to === undefined) return
  const letters = lettersOf(about)
  const letter = member === undefined ? inBoth(letters) : letters[member.locale]
  yield* sendMail(to, { id: merchantMoneyMail.id(message), ...letter })
})

/** Writes about a merchant's money: what a settlement comes to, and where it goes. The id of a mail is the message's own. */
export const subscriptions = Layer.mergeAll(
  Subscription.layer({
    topic: payoutAccountNews,
    subscriber: "merchants",
    handler: (news) => writeToAll({ _tag: "PayoutAccount", news })
  }),
  Subscription.layer({
    topic: SettlementSettled,
    subscriber: "merchants",
    handler: (news) => writeToAll({ _tag: "Settlement", news })
  }),
  Subscription.layer({ topic: merchantMoneyMail, subscriber: "merchants", handler: write })
)
