import { HttpApi, OpenApi } from "effect/http-api"
import { AddressesApiGroup } from "./identity/AddressesApi.ts"
import { AuthApiGroup, JwksApiGroup } from "./identity/AuthApi.ts"
import { AccountApiGroup, UsersApiGroup } from "./identity/UsersApi.ts"
import { Problems } from "./kernel/Problems.ts"

/** Everything the server answers over HTTP; each context adds its groups here. */
export class MallApi extends HttpApi.make("mall")
  .add(UsersApiGroup, AccountApiGroup, AddressesApiGroup, AuthApiGroup, JwksApiGroup)
  .middleware(Problems)
  .annotateMerge(OpenApi.annotations({ title: "Mall", version: "1.0.0" })) {}
