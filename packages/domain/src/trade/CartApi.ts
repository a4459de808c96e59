import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { SkuId } from "../catalog/Catalog.ts"
import { Authorization, OptionalAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Unauthorized } from "../kernel/EdgeError.ts"
import { CallerSecret, Idempotent } from "../kernel/Operation.ts"
import { Cart, CartAddition, CartToken } from "./Cart.ts"
import { Quantity } from "./Order.ts"
import { CartItemNotFound, CartLimitExceeded, CartNotFound, ProductUnavailable } from "./TradeError.ts"

const tokenHeader = "x-cart-token"
const headers = { [tokenHeader]: Schema.optionalKey(CartToken) }
const params = { skuId: SkuId }
const missing = [Unauthorized, CartNotFound] as const

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })

/** Carts of users, and of guests by `X-Cart-Token`. With an access token the user's own cart is meant. */
export class CartApiGroup extends HttpApiGroup.make("cart")
  .add(
    HttpApiEndpoint.get("get", "/cart", { headers, success: Cart, error: missing })
      .middleware(OptionalAuthorization)
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        describe("Read the cart", "With live prices and availability. A user's cart is made on first use.")
      ),
    HttpApiEndpoint.delete("clear", "/cart", { headers, success: Cart, error: missing })
      .middleware(OptionalAuthorization)
      .annotate(RequiredPermission, "public")
      .annotateMerge(describe("Empty the cart", "Answers with the empty cart.")),
    HttpApiEndpoint.post("addItem", "/cart/items", {
      headers,
      payload: CartAddition,
      success: Cart,
      error: [...missing, CartLimitExceeded, ProductUnavailable]
    })
      .middleware(Idempotent)
      .middleware(OptionalAuthorization)
      .annotate(RequiredPermission, "public")
      .annotate(CallerSecret, tokenHeader)
      .annotateMerge(describe("Add pieces of a SKU", "Adds to the line that the SKU has, or makes one.")),
    HttpApiEndpoint.patch("setItem", "/cart/items/:skuId", {
      headers,
      params,
      payload: Schema.Struct({ quantity: Quantity }),
      success: Cart,
      error: [...missing, CartItemNotFound]
    })
      .middleware(OptionalAuthorization)
      .annotate(RequiredPermission, "public")
      .annotateMerge(describe("Set how many pieces of a SKU", "States the quantity; it does not add.")),
    HttpApiEndpoint.delete("removeItem", "/cart/items/:skuId", {
      headers,
      params,
      success: Cart,
      error: [...missing, CartItemNotFound]
    })
      .middleware(OptionalAuthorization)
      .annotate(RequiredPermission, "public")
      .annotateMerge(describe("Remove a SKU", "Answers with the cart without it.")),
    // Not `Idempotent`: its answer is a secret, which must not be kept; a cart that nobody uses is cleared away.
    HttpApiEndpoint.post("createForGuest", "/carts", {
      success: Schema.Struct({ cartToken: CartToken, cart: Cart }).pipe(HttpApiSchema.status(201))
    })
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        describe(
          "Make a guest's cart",
          "The token is told only here: send it as `X-Cart-Token`, and merge the cart at login."
        )
      ),
    HttpApiEndpoint.post("merge", "/cart/merge", {
      payload: Schema.Struct({ cartToken: CartToken }),
      success: Cart,
      error: [CartNotFound, CartLimitExceeded]
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "account")
      .annotateMerge(
        describe(
          "Merge a guest's cart into one's own",
          "Whole and once: of a SKU in both the sum counts, up to the maximum of a line; the token opens nothing afterwards."
        )
      )
  )
  .prefix("/api/v1")
  .annotateMerge(OpenApi.annotations({ title: "Cart", description: "What somebody means to buy" })) {}
