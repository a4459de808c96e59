import { HttpApi, OpenApi } from "effect/http-api"
import { AddressesApiGroup } from "./identity/AddressesApi.ts"
import { AuthApiGroup, JwksApiGroup } from "./identity/AuthApi.ts"
import { AccountApiGroup, UsersApiGroup } from "./identity/UsersApi.ts"
import { CategoriesApiGroup } from "./catalog/CategoriesApi.ts"
import { DemoImagesApiGroup } from "./catalog/DemoImagesApi.ts"
import { ProductsApiGroup } from "./catalog/ProductsApi.ts"
import { Problems } from "./kernel/Problems.ts"
import { CallbacksApiGroup, H5PaymentsApiGroup, PaymentsApiGroup } from "./payments/PaymentsApi.ts"

/** Everything the server answers over HTTP; each context adds its groups here. */
export class MallApi extends HttpApi.make("mall")
  .add(UsersApiGroup, AccountApiGroup, AddressesApiGroup, AuthApiGroup, JwksApiGroup)
  .add(ProductsApiGroup)
  .add(CategoriesApiGroup)
  .add(DemoImagesApiGroup)
  .add(PaymentsApiGroup, H5PaymentsApiGroup, CallbacksApiGroup)
  .middleware(Problems)
  .annotateMerge(OpenApi.annotations({ title: "Mall", version: "1.0.0" })) {}
