import { ProductId } from "@mall/domain/catalog/Catalog"
import { CatalogAdminRpcs, CatalogStorefrontRpcs } from "@mall/domain/catalog/CatalogRpc"
import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { Effect, Layer } from "effect"
import { Categories } from "./Categories.ts"
import { Products } from "./Products.ts"
import { sellerOf } from "./Seller.ts"
import { Skus } from "./Skus.ts"
import { Storefront } from "./Storefront.ts"

const StorefrontHandlers = CatalogStorefrontRpcs.toLayer(
  Effect.gen(function* () {
    const storefront = yield* Storefront
    return CatalogStorefrontRpcs.of({
      "products.list": (query) => storefront.products(query),
      "products.get": ({ id }) => storefront.product(id),
      "categories.list": () => storefront.categories
    })
  })
)

const seller = Effect.map(CurrentUser, sellerOf)
const freshId = generator(ProductId)

/** The caller's name for the operation, or a new one. */
const operationOf = ({ operationId }: { readonly operationId?: string }) =>
  operationId === undefined ? freshId : Effect.succeed(operationId)

const AdminHandlers = CatalogAdminRpcs.toLayer(
  Effect.gen(function* () {
    const products = yield* Products
    const skus = yield* Skus
    const categories = yield* Categories
    return CatalogAdminRpcs.of({
      "products.listOwn": (query) => Effect.flatMap(seller, (who) => products.listOwn(who, query)),
      "products.getOwn": ({ id }) => Effect.flatMap(seller, (who) => products.getOwn(who, id)),
      "products.create": (payload) =>
        Effect.flatMap(Effect.zip(seller, operationOf(payload)), ([who, id]) =>
          products.create(who, id, payload.product)
        ),
      "products.update": ({ change, id }) => Effect.flatMap(seller, (who) => products.update(who, id, change)),
      "products.publish": ({ id }) => Effect.flatMap(seller, (who) => products.publish(who, id)),
      "products.unpublish": ({ id }) => Effect.flatMap(seller, (who) => products.unpublish(who, id)),
      "products.archive": ({ id }) => Effect.flatMap(seller, (who) => products.archive(who, id)),
      "products.addSku": (payload) =>
        Effect.flatMap(Effect.zip(seller, operationOf(payload)), ([who, operationId]) =>
          skus.add(who, operationId, payload.id, payload.sku)
        ),
      "products.updateSku": ({ change, id, skuId }) =>
        Effect.flatMap(seller, (who) => skus.update(who, id, skuId, change)),
      "products.archiveSku": ({ id, skuId }) => Effect.flatMap(seller, (who) => skus.archive(who, id, skuId)),
      "products.setStock": ({ id, onHand, skuId }) =>
        Effect.flatMap(seller, (who) => Effect.asVoid(skus.setStock(who, id, skuId, { onHand }))),
      "categories.create": (payload) =>
        Effect.flatMap(operationOf(payload), (id) => categories.create(id, payload.category)),
      "categories.update": ({ change, id }) => categories.update(id, change),
      "categories.remove": ({ id }) => categories.remove(id)
    })
  })
)

/** The handlers of both of the catalogue's RPC groups; needs `CatalogServices.layer`. */
export const layer = Layer.mergeAll(StorefrontHandlers, AdminHandlers)
