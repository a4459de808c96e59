import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { Effect } from "effect"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Categories } from "./Categories.ts"
import { respond } from "./EncodedJson.ts"
import { Storefront } from "./Storefront.ts"

export const CategoriesHttp = ApiGroup.group(
  MallApi,
  "categories",
  Effect.fnUntraced(function* (handlers) {
    const categories = yield* Categories
    const storefront = yield* Storefront
    return handlers.handleAll({
      list: ({ request }) =>
        Effect.map(storefront.encodedCategories, (json) => respond(json, request.headers["if-none-match"])),
      get: ({ params }) => storefront.category(params.id),
      create: ({ payload }) => Effect.flatMap(Operation, ({ id }) => categories.create(id, payload)),
      update: ({ params, payload }) => categories.update(params.id, payload),
      remove: ({ params }) => categories.remove(params.id)
    })
  })
)
