import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { ApplicationId } from "@mall/domain/merchants/Application"
import { DocumentId } from "@mall/domain/merchants/Document"
import { ShopId } from "@mall/domain/merchants/Shop"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect, Layer } from "effect"
import { HttpServerResponse } from "effect/http"
import { rulingOf } from "./Actor.ts"
import { Documents } from "./kyc/Documents.ts"
import { ApplicationReviews } from "./onboarding/ApplicationReviews.ts"
import { Applications } from "./onboarding/Applications.ts"
import { Shops } from "./shops/Shops.ts"
import { MerchantAdministration } from "./standing/MerchantAdministration.ts"

/** A file that a browser saves and never shows, whatever it is; the edge says `nosniff` of every answer. */
const attachment = (id: DocumentId) => (bytes: Uint8Array) =>
  HttpServerResponse.uint8Array(bytes, {
    contentType: "application/octet-stream",
    headers: {
      "content-disposition": `attachment; filename="${id}"`,
      "cache-control": "no-store"
    }
  })

const applicationsLayer = ApiGroup.group(
  MallApi,
  "merchantApplications",
  Effect.fn(function* (handlers) {
    const applications = yield* Applications
    const documents = yield* Documents
    return handlers.handleAll({
      apply: Effect.fnUntraced(function* ({ payload }) {
        return yield* applications.apply(yield* CurrentUser, ApplicationId.make((yield* Operation).id), payload)
      }),
      list: ({ query }) => CurrentUser.use((caller) => applications.list(caller, query)),
      show: ({ params }) => CurrentUser.use((caller) => applications.show(caller, params.id)),
      edit: ({ params, payload }) => CurrentUser.use((caller) => applications.edit(caller, params.id, payload)),
      submit: ({ params }) => CurrentUser.use((caller) => applications.submit(caller, params.id)),
      addDocument: Effect.fnUntraced(function* ({ params, payload: { bytes, mediaType }, query }) {
        const id = DocumentId.make((yield* Operation).id)
        return yield* documents.add(yield* CurrentUser, params.id, id, { ...query, mediaType, content: bytes })
      }),
      document: ({ params: { documentId, id } }) =>
        CurrentUser.use((caller) => Effect.map(documents.read(caller, id, documentId), attachment(documentId)))
    })
  })
)

const reviewsLayer = ApiGroup.group(
  MallApi,
  "merchantReviews",
  Effect.fn(function* (handlers) {
    const documents = yield* Documents
    const reviews = yield* ApplicationReviews
    return handlers.handleAll({
      list: ({ query }) => reviews.list(query),
      show: ({ params }) => reviews.show(params.id),
      document: ({ params: { documentId, id } }) =>
        Effect.map(documents.read(null, id, documentId), attachment(documentId)),
      recommend: ({ params, payload: { reason, recommendation } }) =>
        CurrentUser.use((caller) => reviews.recommend(params.id, recommendation, rulingOf(caller, reason))),
      requestChanges: ({ params, payload: { reason } }) =>
        CurrentUser.use((caller) => reviews.requestChanges(params.id, rulingOf(caller, reason))),
      approve: ({ params, payload: { reason } }) =>
        CurrentUser.use((caller) => reviews.approve(params.id, rulingOf(caller, reason))),
      reject: ({ params, payload: { reason } }) =>
        CurrentUser.use((caller) => reviews.reject(params.id, rulingOf(caller, reason))),
      contact: ({ params, payload: { reason } }) => reviews.contact(params.id, reason)
    })
  })
)

const merchantsLayer = ApiGroup.group(
  MallApi,
  "merchants",
  Effect.fn(function* (handlers) {
    const merchants = yield* MerchantAdministration
    return handlers.handleAll({
      list: ({ query }) => merchants.list(query),
      show: ({ params }) => merchants.show(params.id),
      suspend: ({ params, payload: { reason } }) =>
        CurrentUser.use((caller) => merchants.suspend(params.id, rulingOf(caller, reason))),
      resume: ({ params, payload: { reason } }) =>
        CurrentUser.use((caller) => merchants.resume(params.id, rulingOf(caller, reason)))
    })
  })
)

const profileLayer = ApiGroup.group(
  MallApi,
  "merchantProfile",
  Effect.fn(function* (handlers) {
    const applications = yield* Applications
    const merchants = yield* MerchantAdministration
    const shops = yield* Shops
    return handlers.handleAll({
      show: () => CurrentUser.use(merchants.showOwn),
      recheck: Effect.fnUntraced(function* ({ payload }) {
        return yield* applications.recheck(yield* CurrentUser, ApplicationId.make((yield* Operation).id), payload)
      }),
      shops: ({ query }) => CurrentUser.use((caller) => shops.list(caller, query)),
      createShop: Effect.fnUntraced(function* ({ payload }) {
        return yield* shops.create(yield* CurrentUser, ShopId.make((yield* Operation).id), payload)
      }),
      editShop: ({ params, payload }) => CurrentUser.use((caller) => shops.edit(caller, params.id, payload)),
      shopHistory: ({ params }) => CurrentUser.use((caller) => shops.history(caller, params.id))
    })
  })
)

/** Serves the groups of merchants. Needs the services of `MerchantServices` and the middlewares. */
export const layer = Layer.mergeAll(applicationsLayer, reviewsLayer, merchantsLayer, profileLayer)
