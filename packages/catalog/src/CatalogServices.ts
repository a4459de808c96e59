import { Layer } from "effect"
import { CatalogCaches } from "./CatalogCaches.ts"
import { Categories } from "./Categories.ts"
import * as MerchantsLayer from "./MerchantsLayer.ts"
import { ProductImport } from "./ProductImport.ts"
import { Products } from "./Products.ts"
import * as SkuQuotes from "./SkuQuotes.ts"
import { Skus } from "./Skus.ts"
import { Storefront } from "./Storefront.ts"

/**
 * Everything of the catalogue, the ports `Catalog` and `Merchants` and the caches' `CatalogChanges` (which the seed needs) included. Needs
 * `SqlClient`, `Notifications` and the port `Stock`.
 */
export const layer = Layer.mergeAll(
  Storefront.layer,
  Products.layer,
  Skus.layer,
  Categories.layer,
  ProductImport.layer,
  SkuQuotes.layer,
  MerchantsLayer.layer
).pipe(Layer.provideMerge(CatalogCaches.layer))
