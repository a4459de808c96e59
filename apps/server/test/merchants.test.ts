import { assert, layer } from "@effect/vitest"
import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { Email } from "@mall/domain/identity/User"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Context, Effect, Exit, Layer } from "effect"
import { call } from "./rawHttp.ts"
import { newBuyer, signIn } from "./shoppers.ts"
import type { Buyer } from "./shoppers.ts"

class Mall extends Context.Service<Mall, TestServer>()("@mall/server/test/merchants/Mall") {
  static readonly layer = Layer.effect(
    Mall,
    Effect.flatMap(acquireDatabase, (database) => startServer({ database, environment: { ACCESS_LOG: "false" } }))
  )
}

const pdf = new TextEncoder().encode("%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n")

const anApplication = (code: string) => ({
  legalName: "Tea Leaves GmbH",
  shopName: { zh: "茶叶", en: "Tea leaves" },
  code,
  country: "DE",
  kind: "company" as const,
  level: "basic" as const,
  registrationNumber: "HRB 86891",
  contact: { name: "Vera Visitor", email: Email.make("vera@tea.example"), phone: "+4930123456" }
})

const upload = (buyer: Buyer, id: Parameters<Buyer["mall"]["merchantApplications"]["show"]>[0]["params"]["id"]) => {
  const add = (query: { readonly kind: "business_licence" | "representative_identity"; readonly expiresOn?: string }) =>
    buyer.mall.merchantApplications.addDocument({
      params: { id },
      query,
      payload: { mediaType: "application/pdf", bytes: pdf }
    })
  return Effect.all([
    add({ kind: "business_licence" }),
    add({ kind: "representative_identity", expiresOn: "2099-01-31" })
  ])
}

const submitted = Effect.fnUntraced(function* (url: string, name: string) {
  const buyer = yield* newBuyer(url, name)
  const { id } = yield* buyer.mall.merchantApplications.apply({ payload: anApplication(name) })
  const documents = yield* upload(buyer, id)
  yield* buyer.mall.merchantApplications.submit({ params: { id } })
  return { buyer, id, documents }
})

/** Two who may review, and a third. */
const reviewers = Effect.fnUntraced(function* (url: string, name: string) {
  const first = yield* signIn(url, "admin@demo.mall")
  const { email, user } = yield* newBuyer(url, name)
  yield* first.admin["users.grant"]({ userId: user.id, role: "admin", merchantId: null, reason: "reviews too" })
  return { first, second: yield* signIn(url, email, `walrus-${name}-umbrella-lantern`) }
})

const reason = "the papers are in order"

layer(Mall.layer, { excludeTestServices: true, timeout: "3 minutes" })("becoming a merchant", (it) => {
  it.effect("goes by two people, makes the merchant and gives its role, and takes payments until suspended", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const { buyer, documents, id } = yield* submitted(url, "tea-leaves")
      const { first, second } = yield* reviewers(url, "second-eye")
      const params = { id }
      assert.deepStrictEqual(
        documents.map(({ scan }) => scan),
        ["unscanned", "unscanned"]
      )

      const seen = yield* first.mall.merchantReviews.show({ params })
      assert.deepStrictEqual(seen.application.contact, { name: "V***", email: "v***@tea.example", phone: "***3456" })
      const contact = yield* first.mall.merchantReviews.contact({ params, payload: { reason: "a question" } })
      assert.strictEqual(contact.phone, "+4930123456")

      const early = yield* Effect.flip(second.mall.merchantReviews.approve({ params, payload: { reason } }))
      assert.strictEqual(early._tag, "ApplicationStateConflict")
      yield* first.mall.merchantReviews.recommend({ params, payload: { recommendation: "approve", reason } })
      const same = yield* Effect.flip(first.mall.merchantReviews.approve({ params, payload: { reason } }))
      assert.strictEqual(same._tag, "ReviewerNotIndependent")

      const both = yield* Effect.forEach(
        [1, 2],
        () => Effect.exit(second.mall.merchantReviews.approve({ params, payload: { reason } })),
        { concurrency: 2 }
      )
      assert.strictEqual(both.filter(Exit.isSuccess).length, 1)
      const again = yield* signIn(url, buyer.email, "walrus-tea-leaves-umbrella-lantern")
      const { history, merchant } = yield* again.mall.merchantProfile.show()
      assert.deepStrictEqual(
        [merchant.code, merchant.standing, merchant.kycStatus, merchant.kycLevel],
        ["tea-leaves", "active", "verified", "basic"]
      )
      assert.strictEqual(history.length, 1)
      const own = yield* again.mall.merchantApplications.show({ params })
      assert.deepStrictEqual(
        own.history.map(({ toStatus }) => toStatus),
        ["draft", "submitted", "in_review", "approved"]
      )
      assert.isFalse(JSON.stringify(own).includes(reason) && own.history[2]?.reason !== "")
      assert.isNull(own.application.recommendedBy)

      const shops = yield* again.mall.merchantProfile.shops({ query: {} })
      assert.deepStrictEqual(
        shops.data.map(({ code, status }) => [code, status]),
        [["tea-leaves", "open"]]
      )
      const shop = shops.data[0]!
      const later = new Date("2099-01-01")
      const renamed = { name: { zh: "茶", en: "Tea" }, reason: "shorter" }
      const ofShop = { id: shop.id }
      const unchanged = yield* again.mall.merchantProfile.editShop({
        params: ofShop,
        payload: { ...renamed, effectiveFrom: later }
      })
      assert.strictEqual(unchanged.name.en, "Tea leaves")
      const past = yield* Effect.flip(
        again.mall.merchantProfile.editShop({ params: ofShop, payload: { ...renamed, effectiveFrom: new Date(0) } })
      )
      assert.strictEqual(past._tag, "ShopNameInPast")
      yield* again.mall.merchantProfile.editShop({ params: ofShop, payload: renamed })
      const names = yield* again.mall.merchantProfile.shopHistory({ params: ofShop })
      assert.deepStrictEqual(
        names.map(({ name }) => name.en),
        ["Tea", "Tea", "Tea leaves"]
      )

      const pay = (reference: string) =>
        again.mall.payments.create({
          payload: {
            amount: new Money({ amount: MinorUnits.make(100), currency: "EUR" }),
            reference,
            description: "tea"
          }
        })
      yield* pay("before")
      const ofMerchant = { id: merchant.id }
      yield* first.mall.merchants.suspend({ params: ofMerchant, payload: { reason: "complaints" } })
      const refused = yield* Effect.flip(pay("while"))
      assert.strictEqual(refused._tag, "MerchantSuspended")
      const listed = yield* first.mall.merchants.list({ query: { limit: 1 } })
      assert.strictEqual(listed.data[0]?.standing, "suspended")
      yield* first.mall.merchants.resume({ params: ofMerchant, payload: { reason: "settled" } })
      yield* pay("after")
      const trail = yield* first.admin["admin.audit.list"]({ merchantId: merchant.id, limit: 100 })
      assert.includeMembers(
        trail.data.map(({ action }) => action),
        ["merchant_application.approve", "shop.edit", "merchant.suspend", "merchant.resume", "user.role_grant"]
      )
      const reviewed = yield* first.admin["admin.audit.list"]({ resourceId: id, limit: 100 })
      assert.includeMembers(
        reviewed.data.map(({ action }) => action),
        ["personal_data.unmask", "merchant_application.recommend", "merchant_application.approve"]
      )
    })
  )

  it.effect("grants nothing when rejected, and what one asks to change goes round again", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const { buyer, id } = yield* submitted(url, "coffee-beans")
      const { first, second } = yield* reviewers(url, "other-eye")
      const params = { id }
      yield* first.mall.merchantReviews.requestChanges({ params, payload: { reason: "the name is blurred" } })
      const { application, history } = yield* buyer.mall.merchantApplications.show({ params })
      assert.strictEqual(application.status, "needs_changes")
      assert.deepStrictEqual([history.at(-1)?.actor, history.at(-1)?.reason], ["reviewer", "the name is blurred"])
      yield* buyer.mall.merchantApplications.submit({ params })
      yield* first.mall.merchantReviews.recommend({ params, payload: { recommendation: "reject", reason: "blurred" } })
      yield* second.mall.merchantReviews.reject({ params, payload: { reason: "blurred" } })
      const again = yield* signIn(url, buyer.email, "walrus-coffee-beans-umbrella-lantern")
      const none = yield* Effect.flip(again.mall.merchantProfile.show())
      assert.strictEqual(none._tag, "Forbidden")
      // a rejected code is free again
      yield* again.mall.merchantApplications.apply({ payload: anApplication("coffee-beans") })
    })
  )

  it.effect("is one application at a time, once for each key, and nobody else's", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const buyer = yield* newBuyer(url, "one-app")
      const apply = buyer.mall.merchantApplications.apply({ payload: anApplication("one-app") })
      const [one, same] = yield* Effect.all([withIdempotencyKey("k")(apply), withIdempotencyKey("k")(apply)])
      assert.strictEqual(one.id, same.id)
      assert.strictEqual((yield* Effect.flip(apply))._tag, "ApplicationOpen")
      const missing = yield* Effect.flip(buyer.mall.merchantApplications.submit({ params: { id: one.id } }))
      assert.strictEqual(missing._tag, "DocumentsMissing")
      const [document] = yield* upload(buyer, one.id)

      const stranger = yield* newBuyer(url, "stranger")
      const taken = yield* Effect.flip(stranger.mall.merchantApplications.apply({ payload: anApplication("one-app") }))
      assert.strictEqual(taken._tag, "MerchantCodeTaken")
      const params = { id: one.id, documentId: document.id }
      const theirs = yield* Effect.flip(stranger.mall.merchantApplications.document({ params }))
      assert.strictEqual(theirs._tag, "DocumentNotFound")
      const hidden = yield* Effect.flip(stranger.mall.merchantApplications.show({ params: { id: one.id } }))
      assert.strictEqual(hidden._tag, "ApplicationNotFound")
      const path = `/api/v1/merchants/applications/${one.id}/documents/${document.id}`
      const raw = yield* call(url, { method: "GET", path, token: buyer.token })
      assert.strictEqual(raw.text, new TextDecoder().decode(pdf))
      assert.include(raw.headers["content-disposition"], "attachment")
      assert.deepStrictEqual(
        [raw.headers["content-type"], raw.headers["x-content-type-options"]],
        ["application/octet-stream", "nosniff"]
      )
    })
  )

  it.effect("takes no document that is not what it says, too large, expired or two things at once", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const buyer = yield* newBuyer(url, "bad-papers")
      const { id } = yield* buyer.mall.merchantApplications.apply({ payload: anApplication("bad-papers") })
      const send = (mediaType: "application/pdf" | "image/png", bytes: Uint8Array, query: object = {}) =>
        buyer.mall.merchantApplications
          .addDocument({
            params: { id },
            query: { kind: "business_licence", ...query },
            payload: { mediaType, bytes } as never
          })
          .pipe(
            Effect.flip,
            Effect.map((error) => ("why" in error ? error.why : error._tag))
          )
      const zip = new Uint8Array([...pdf, 0x50, 0x4b, 5, 6, 0, 0])
      assert.strictEqual(yield* send("image/png", pdf), "type")
      assert.strictEqual(yield* send("application/pdf", zip), "structure")
      assert.strictEqual(yield* send("application/pdf", pdf, { expiresOn: "2020-01-01" }), "expired")
      assert.strictEqual(yield* send("application/pdf", pdf, { kind: "passport" }), "expiry")
      const large = new Uint8Array([...new Uint8Array(1_000_001), ...pdf])
      assert.include(["DocumentTooLarge", "PayloadTooLarge"], yield* send("application/pdf", large))
      const path = `/api/v1/merchants/applications/${id}/documents?kind=business_licence`
      const html = yield* call(url, { method: "POST", path, token: buyer.token, body: "<p>", contentType: "text/html" })
      assert.strictEqual(html.status, 415)
    })
  )
})
