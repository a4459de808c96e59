import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { DocumentId } from "@mall/domain/merchants/Document"
import { MerchantAdminRpcs, MerchantApplicationRpcs, MerchantProfileRpcs } from "@mall/domain/merchants/MerchantRpcs"
import { Effect, Layer } from "effect"
import { rulingOf } from "./Actor.ts"
import { Documents } from "./kyc/Documents.ts"
import { ApplicationReviews } from "./onboarding/ApplicationReviews.ts"
import { Applications } from "./onboarding/Applications.ts"
import { Shops } from "./shops/Shops.ts"
import { MerchantAdministration } from "./standing/MerchantAdministration.ts"

const newDocumentId = generator(DocumentId)

const applicationsLayer = MerchantApplicationRpcs.toLayer(
  Effect.gen(function* () {
    const applications = yield* Applications
    const documents = yield* Documents
    return MerchantApplicationRpcs.of({
      "applications.apply": ({ application, id }) =>
        CurrentUser.use((caller) => applications.apply(caller, id, application)),
      "applications.list": (page) => CurrentUser.use((caller) => applications.list(caller, page)),
      "applications.show": ({ id }) => CurrentUser.use((caller) => applications.show(caller, id)),
      "applications.edit": ({ application, id }) =>
        CurrentUser.use((caller) => applications.edit(caller, id, application)),
      "applications.submit": ({ id }) => CurrentUser.use((caller) => applications.submit(caller, id)),
      // the same again takes the place of the first
      "applications.addDocument": Effect.fnUntraced(function* ({ document, id }) {
        return yield* documents.add(yield* CurrentUser, id, yield* newDocumentId, document)
      })
    })
  })
)

const profileLayer = MerchantProfileRpcs.toLayer(
  Effect.gen(function* () {
    const applications = yield* Applications
    const merchants = yield* MerchantAdministration
    const shops = yield* Shops
    return MerchantProfileRpcs.of({
      "merchant.show": () => CurrentUser.use(merchants.showOwn),
      "merchant.recheck": ({ id, recheck }) => CurrentUser.use((caller) => applications.recheck(caller, id, recheck)),
      "merchant.shops.list": (page) => CurrentUser.use((caller) => shops.list(caller, page)),
      "merchant.shops.create": ({ id, ...shop }) => CurrentUser.use((caller) => shops.create(caller, id, shop)),
      "merchant.shops.edit": ({ id, ...edit }) => CurrentUser.use((caller) => shops.edit(caller, id, edit))
    })
  })
)

const adminLayer = MerchantAdminRpcs.toLayer(
  Effect.gen(function* () {
    const merchants = yield* MerchantAdministration
    const reviews = yield* ApplicationReviews
    return MerchantAdminRpcs.of({
      "admin.merchants.list": (page) => merchants.list(page),
      "admin.merchants.show": ({ id }) => merchants.show(id),
      "admin.merchants.suspend": ({ id, reason }) =>
        CurrentUser.use((caller) => merchants.suspend(id, rulingOf(caller, reason))),
      "admin.merchants.resume": ({ id, reason }) =>
        CurrentUser.use((caller) => merchants.resume(id, rulingOf(caller, reason))),
      "admin.applications.list": (filter) => reviews.list(filter),
      "admin.applications.show": ({ id }) => reviews.show(id),
      "admin.applications.recommend": ({ id, reason, recommendation }) =>
        CurrentUser.use((caller) => reviews.recommend(id, recommendation, rulingOf(caller, reason))),
      "admin.applications.requestChanges": ({ id, reason }) =>
        CurrentUser.use((caller) => reviews.requestChanges(id, rulingOf(caller, reason))),
      "admin.applications.approve": ({ id, reason }) =>
        CurrentUser.use((caller) => reviews.approve(id, rulingOf(caller, reason))),
      "admin.applications.reject": ({ id, reason }) =>
        CurrentUser.use((caller) => reviews.reject(id, rulingOf(caller, reason))),
      "admin.applications.contact": ({ id, reason }) => reviews.contact(id, reason)
    })
  })
)

/** Serves the Rpcs of merchants. Needs the services of `MerchantServices`. */
export const layer = Layer.mergeAll(applicationsLayer, profileLayer, adminLayer)
