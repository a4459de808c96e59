import { MallApi } from "@mall/domain/MallApi"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { drawDemoImage } from "./drawDemoImage.ts"

const headers = { "cache-control": "public, max-age=86400" }

export const DemoImagesHttp = HttpApiBuilder.group(MallApi, "demoImages", (handlers) =>
  handlers.handleAll({
    get: ({ params }) =>
      Effect.succeed(HttpServerResponse.text(drawDemoImage(params.name), { contentType: "image/svg+xml", headers }))
  })
)
