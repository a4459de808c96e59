import { HttpApi, OpenApi } from "effect/http-api"
import { Problems } from "./kernel/Problems.ts"

/** Everything the server answers over HTTP; each context adds its groups here. */
export class MallApi extends HttpApi.make("mall")
  .middleware(Problems)
  .annotateMerge(OpenApi.annotations({ title: "Mall", version: "1.0.0" })) {}
