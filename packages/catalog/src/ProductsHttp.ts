import { ProductId } from "@mall/domain/catalog/Catalog"
import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { Effect, Schema } from "effect"
import type { HttpServerRequest } from "effect/http"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { ReadyAnswers } from "@mall/platform/http/ReadyAnswers"
import type { ReadyAnswer } from "@mall/platform/http/ReadyAnswers"
import { respond } from "./EncodedJson.ts"
import type { EncodedJson } from "./EncodedJson.ts"
import { Products } from "./Products.ts"
import { sellerOf } from "./Seller.ts"
import { Skus } from "./Skus.ts"
import { Storefront } from "./Storefront.ts"

const seller = Effect.map(CurrentUser, sellerOf)

const forAll = (encoded: EncodedJson | undefined): ReadyAnswer | undefined =>
  encoded === undefined ? undefined : { response: encoded.ok, userId: undefined }

const textOf = ({ url }: HttpServerRequest.HttpServerRequest) => url.slice(url.indexOf("?") + 1 || url.length)

const isProductId = Schema.is(ProductId)

const answer = <E>({ headers }: HttpServerRequest.HttpServerRequest, encoded: Effect.Effect<EncodedJson, E>) =>
  Effect.map(encoded, (json) => respond(json, headers["if-none-match"]))

export const ProductsHttp = ApiGroup.group(
  MallApi,
  "products",
  Effect.fnUntraced(function* (handlers) {
    const products = yield* Products
    const skus = yield* Skus
    const storefront = yield* Storefront
    const ready = yield* ReadyAnswers
    const { get, list } = MallApi.groups.products.endpoints
    ready.add(list, (_request, { query }) => Effect.sync(() => forAll(storefront.recalled(query))))
    ready.add(get, (_request, { last }) =>
      isProductId(last)
        ? Effect.matchEager(storefront.encodedProduct(last), { onFailure: () => undefined, onSuccess: forAll })
        : Effect.undefined
    )
    return handlers.handleAll({
      list: ({ query, request }) => answer(request, storefront.encodedProducts(query, textOf(request))),
      get: ({ params, request }) => answer(request, storefront.encodedProduct(params.id)),
      create: ({ payload }) =>
        Effect.flatMap(Effect.zip(seller, Operation), ([who, { id }]) =>
          // the id is ours, and new
          products.create(who, id, payload).pipe(Effect.catchTag("ProductNotFound", Effect.die))
        ),
      update: ({ params, payload }) => Effect.flatMap(seller, (who) => products.update(who, params.id, payload)),
      archive: ({ params }) => Effect.flatMap(seller, (who) => products.archive(who, params.id)),
      publish: ({ params }) => Effect.flatMap(seller, (who) => products.publish(who, params.id)),
      unpublish: ({ params }) => Effect.flatMap(seller, (who) => products.unpublish(who, params.id)),
      addSku: ({ params, payload }) =>
        Effect.flatMap(Effect.zip(seller, Operation), ([who, { id }]) =>
          // the id is ours, and new
          skus.add(who, id, params.id, payload).pipe(Effect.catchTag("SkuNotFound", Effect.die))
        ),
      updateSku: ({ params: { id, skuId }, payload }) =>
        Effect.flatMap(seller, (who) => skus.update(who, id, skuId, payload)),
      archiveSku: ({ params: { id, skuId } }) => Effect.flatMap(seller, (who) => skus.archive(who, id, skuId)),
      setStock: ({ params: { id, skuId }, payload }) =>
        Effect.flatMap(seller, (who) => skus.setStock(who, id, skuId, payload))
    })
  })
)
