import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { RequiredPermission } from "../identity/Permission.ts"

/** `green-tea.longjing.svg`: the category's code, then the product's. */
const ImageName = Schema.String.check(Schema.isPattern(/^[a-z0-9-]{1,64}\.[a-z0-9-]{1,64}\.svg$/))

/** Pictures of the demo shop, drawn on the spot, so that it looks like a shop without a network. */
export class DemoImagesApiGroup extends HttpApiGroup.make("demoImages")
  .add(
    HttpApiEndpoint.get("get", "/demo/images/:name", {
      params: { name: ImageName },
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "image/svg+xml" }))
    })
      .annotate(RequiredPermission, "public")
      .annotateMerge(OpenApi.annotations({ summary: "Draw a picture of a demo product" }))
  )
  .annotateMerge(OpenApi.annotations({ title: "Demo images" })) {}
