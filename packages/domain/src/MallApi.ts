import { HttpApi, OpenApi } from "effect/http-api"
import { CategoriesApiGroup } from "./catalog/CategoriesApi.ts"
import { DemoImagesApiGroup } from "./catalog/DemoImagesApi.ts"
import { ProductsApiGroup } from "./catalog/ProductsApi.ts"
import { Problems } from "./kernel/Problems.ts"

/** Everything the server answers over HTTP; each context adds its groups here. */
export class MallApi extends HttpApi.make("mall")
  .add(ProductsApiGroup)
  .add(CategoriesApiGroup)
  .add(DemoImagesApiGroup)
  .middleware(Problems)
  .annotateMerge(OpenApi.annotations({ title: "Mall", version: "1.0.0" })) {}
