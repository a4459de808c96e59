import { generator } from "@mall/domain/kernel/Id"
import { Email } from "@mall/domain/identity/User"
import { ApplicationId } from "@mall/domain/merchants/Application"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { ShopId } from "@mall/domain/merchants/Shop"
import { Effect } from "effect"
import { drive, Mall, nothingFrom } from "./auditedMall.ts"
import { newBuyer, signIn } from "./shoppers.ts"

const newApplicationId = generator(ApplicationId)
const newShopId = generator(ShopId)
const reason = "because"
const name = { zh: "茶", en: "Tea" }
const kyc = {
  legalName: "Tea GmbH",
  country: "DE",
  kind: "individual",
  level: "basic",
  registrationNumber: "DE-4711",
  contact: { name: "Vera", email: Email.make("vera@tea.example"), phone: "+4930123456" }
} as const
const bytes = new TextEncoder().encode("%PDF-1.7\n%%EOF\n")

/** Somebody who sent in what is asked for. */
const applicant = Effect.fnUntraced(function* (code: string) {
  const { url } = yield* Mall
  const buyer = yield* newBuyer(url, code)
  const { merchantApplications } = buyer.mall
  const { id } = yield* merchantApplications.apply({ payload: { ...kyc, shopName: name, code } })
  yield* merchantApplications.addDocument({
    params: { id },
    query: { kind: "passport", expiresOn: "2099-01-31" },
    payload: { mediaType: "application/pdf", bytes }
  })
  yield* merchantApplications.submit({ params: { id } })
  const again = signIn(url, buyer.email, `walrus-${code}-umbrella-lantern`)
  return { id, again, submit: merchantApplications.submit({ params: { id } }) }
})

/** Another operator than the one who does everything else. */
const aSecond = Effect.gen(function* () {
  const { admin, url } = yield* Mall
  const { email, user } = yield* newBuyer(url, "second-reviewer")
  yield* admin.admin["users.grant"]({ userId: user.id, role: "admin", merchantId: null, reason })
  return yield* signIn(url, email, "walrus-second-reviewer-umbrella-lantern")
})

const moved = (before: string, after: string) => ({ before: { status: before }, after: { status: after } })
const admitted = { ...moved("in_review", "approved"), also: ["user.role_grant"] } as const

/** Applications are reviewed by two, over HTTP. */
const driveReviewsOverHttp = Effect.fnUntraced(function* (second: Effect.Success<typeof aSecond>) {
  const { admin } = yield* Mall
  const { merchantReviews } = admin.mall
  const path = "POST /api/v1/merchants/reviews/:id"
  const good = yield* applicant("audited-good")
  const params = { id: good.id }
  const payload = { reason }
  yield* drive(`${path}/contact`, admin, merchantReviews.contact({ params, payload }))
  const changes = merchantReviews.requestChanges({ params, payload })
  yield* drive(`${path}/request-changes`, admin, changes, moved("submitted", "needs_changes"))
  yield* nothingFrom("what was asked for already", changes)
  yield* nothingFrom("an applicant's own step", good.submit)
  const recommend = merchantReviews.recommend({ params, payload: { recommendation: "approve", reason } })
  yield* drive(`${path}/recommend`, admin, recommend, moved("submitted", "in_review"))
  yield* nothingFrom("who approves what they recommended", merchantReviews.approve({ params, payload }))
  yield* drive(`${path}/approve`, second, second.mall.merchantReviews.approve({ params, payload }), admitted)
  const bad = { id: (yield* applicant("audited-bad")).id }
  yield* merchantReviews.recommend({ params: bad, payload: { recommendation: "reject", reason } })
  const reject = second.mall.merchantReviews.reject({ params: bad, payload })
  yield* drive(`${path}/reject`, second, reject, moved("in_review", "rejected"))
  return yield* good.again
})

/** The same by RPC. */
const driveReviewsByRpc = Effect.fnUntraced(function* (second: Effect.Success<typeof aSecond>) {
  const { admin } = yield* Mall
  const rpc = admin.admin
  const good = yield* applicant("audited-good-rpc")
  const act = { id: good.id, reason }
  yield* drive("rpc admin.applications.contact", admin, rpc["admin.applications.contact"](act))
  yield* drive("rpc admin.applications.requestChanges", admin, rpc["admin.applications.requestChanges"](act))
  yield* good.submit
  const recommend = rpc["admin.applications.recommend"]({ ...act, recommendation: "approve" })
  yield* drive("rpc admin.applications.recommend", admin, recommend)
  yield* drive("rpc admin.applications.approve", second, second.admin["admin.applications.approve"](act), admitted)
  const bad = { id: (yield* applicant("audited-bad-rpc")).id, reason }
  yield* rpc["admin.applications.recommend"]({ ...bad, recommendation: "reject" })
  yield* drive("rpc admin.applications.reject", second, second.admin["admin.applications.reject"](bad))
  return yield* good.again
})

/** Who applies becomes a merchant, who opens another shop, is stopped and let on, and asks to be checked again. */
export const driveMerchants = Effect.gen(function* () {
  const { admin } = yield* Mall
  const second = yield* aSecond
  const [owner, other] = [yield* driveReviewsOverHttp(second), yield* driveReviewsByRpc(second)]

  const { merchantProfile } = owner.mall
  const create = merchantProfile.createShop({ payload: { code: "second-shop", name } })
  const shop = yield* drive("POST /api/v1/merchants/me/shops", owner, create, { before: null })
  const close = merchantProfile.editShop({ params: { id: shop.id }, payload: { status: "closed", reason } })
  yield* drive("PATCH /api/v1/merchants/me/shops/:id", owner, close)
  yield* drive("POST /api/v1/merchants/me/rechecks", owner, merchantProfile.recheck({ payload: kyc }))
  yield* nothingFrom("a check while there is one", merchantProfile.recheck({ payload: kyc }))

  const rpc = other.merchant
  const id = yield* newShopId
  const shopCreate = rpc["merchant.shops.create"]({ id, code: "second-shop", name })
  yield* drive("rpc merchant.shops.create", other, shopCreate, { before: null })
  yield* nothingFrom("the same shop again", shopCreate)
  yield* drive("rpc merchant.shops.edit", other, rpc["merchant.shops.edit"]({ id, status: "closed", reason }))
  const recheck = rpc["merchant.recheck"]({ id: yield* newApplicationId, recheck: kyc })
  yield* drive("rpc merchant.recheck", other, recheck)

  const { merchantId } = yield* owner.storefront["account.me"]()
  const params = { id: yield* Effect.map(Effect.fromNullishOr(merchantId), MerchantId.make) }
  const suspend = admin.mall.merchants.suspend({ params, payload: { reason } })
  yield* drive("POST /api/v1/merchants/:id/suspend", admin, suspend, { before: { suspendedAt: null } })
  yield* nothingFrom("who is suspended already", suspend)
  const resume = admin.mall.merchants.resume({ params, payload: { reason } })
  yield* drive("POST /api/v1/merchants/:id/resume", admin, resume, { after: { suspendedAt: null } })
  const act = { ...params, reason }
  yield* drive("rpc admin.merchants.suspend", admin, admin.admin["admin.merchants.suspend"](act))
  yield* drive("rpc admin.merchants.resume", admin, admin.admin["admin.merchants.resume"](act))
})
