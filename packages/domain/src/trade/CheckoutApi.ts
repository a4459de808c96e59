import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { Checkout, CheckoutRequest } from "./Checkout.ts"
import { checkoutErrors } from "./operationErrors.ts"

export class CheckoutApiGroup extends HttpApiGroup.make("checkout")
  .add(
    HttpApiEndpoint.post("checkout", "/checkout", {
      payload: CheckoutRequest,
      success: Checkout.pipe(HttpApiSchema.status(201)),
      error: checkoutErrors
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "account")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Buy",
          description:
            "Reserves the pieces and places one order per merchant, all paid by one payment; or nothing at all. Prices are those of this moment: `expectedTotal` makes sure that they are what the buyer saw. What is not paid by `expiresAt` is canceled."
        })
      )
  )
  .prefix("/api/v1")
  .annotateMerge(OpenApi.annotations({ title: "Checkout" })) {}
