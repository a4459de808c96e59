import { Layer } from "effect"
import { CategoriesHttp } from "./CategoriesHttp.ts"
import { DemoImagesHttp } from "./DemoImagesHttp.ts"
import { ProductsHttp } from "./ProductsHttp.ts"

/** The handlers of all of the catalogue's groups in `MallApi`; needs `CatalogServices.layer`. */
export const layer = Layer.mergeAll(ProductsHttp, CategoriesHttp, DemoImagesHttp)
