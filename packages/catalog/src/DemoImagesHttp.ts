import { MallApi } from "@mall/domain/MallApi"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { drawDemoImage } from "./drawDemoImage.ts"

const headers = { "cache-control": "public, max-age=86400" }

export const DemoImagesHttp = ApiGroup.group(MallApi, "demoImages", (handlers) =>
  handlers.handleAll({
    get: ({ params }) =>
      Effect.succeed(HttpServerResponse.text(drawDemoImage(params.name), { contentType: "image/svg+xml", headers }))
  })
)
