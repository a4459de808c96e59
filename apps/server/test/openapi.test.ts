import { assert, describe, expect, it } from "@effect/vitest"
import { Permission } from "@mall/domain/identity/Permission"
import { MallApi } from "@mall/domain/MallApi"
import { Predicate, Schema } from "effect"
import { OpenApi } from "effect/http-api"
import { endpoints } from "./endpoints.ts"

const document = OpenApi.fromApi(MallApi)

const operations = endpoints.map((endpoint) => {
  const path = document.paths[endpoint.path.replaceAll(/:(\w+)/g, "{$1}")]
  return { ...endpoint, operation: path?.[endpoint.method.toLowerCase() as "get"] }
})

/** What clients were promised; more may come, nothing may go. */
const promised = [
  ...["GET /.well-known/jwks.json", "POST /api/v1/users", "POST /api/v1/auth/login", "POST /api/v1/auth/refresh"],
  ...["POST /api/v1/auth/logout", "GET /api/v1/auth/verify", "POST /api/v1/auth/verify"],
  ...["GET /api/user/verify-access-token/", "POST /api/user/verify-access-token/"],
  ...["GET /api/v1/users/me", "PATCH /api/v1/users/me", "DELETE /api/v1/users/me"],
  ...["POST /api/v1/auth/codes", "POST /api/v1/auth/password-reset", "POST /api/v1/auth/step-up"],
  ...["POST /api/v1/users/me/totp", "POST /api/v1/users/me/totp/confirm", "DELETE /api/v1/users/me/totp"],
  ...["POST /api/v1/users/me/recovery-codes", "GET /api/v1/users/me/logins", "GET /api/v1/users/me/devices"],
  ...["POST /api/v1/users/me/password", "GET /api/v1/users/me/sessions", "DELETE /api/v1/users/me/sessions/:id"],
  ...["GET /api/v1/users/me/addresses", "POST /api/v1/users/me/addresses", "DELETE /api/v1/users/me/addresses/:id"],
  ...["GET /api/v1/products", "GET /api/v1/products/:id", "POST /api/v1/products", "PATCH /api/v1/products/:id"],
  ...["DELETE /api/v1/products/:id", "POST /api/v1/products/:id/publish", "POST /api/v1/products/:id/skus"],
  "PUT /api/v1/products/:id/skus/:skuId/stock",
  ...["GET /api/v1/categories", "POST /api/v1/categories", "PATCH /api/v1/categories/:id"],
  "DELETE /api/v1/categories/:id",
  ...["GET /api/v1/cart", "DELETE /api/v1/cart", "POST /api/v1/cart/items", "PATCH /api/v1/cart/items/:skuId"],
  ...["DELETE /api/v1/cart/items/:skuId", "POST /api/v1/carts", "POST /api/v1/cart/merge", "POST /api/v1/checkout"],
  ...["GET /api/v1/orders", "GET /api/v1/orders/:id", "PATCH /api/v1/orders/:id", "POST /api/v1/orders/:id/cancel"],
  ...["POST /api/v1/orders/:id/ship", "POST /api/v1/orders/:id/deliver", "POST /api/v1/orders/:id/confirm-receipt"],
  ...["POST /api/v1/payments", "GET /api/v1/payments", "GET /api/v1/payments/:id", "POST /api/v1/payments/:id/confirm"],
  ...["POST /api/v1/payments/:id/cancel", "POST /api/v1/payments/:id/resume", "POST /api/v1/payments/:id/refunds"],
  ...["GET /api/v1/payments/:id/refunds", "GET /api/v1/payments/:id/refunds/:refundId"],
  ...["GET /api/v1/payments/:id/status", "GET /pay/:ticket", "POST /pay/:ticket"],
  ...["POST /callbacks/:channel", "POST /api/webhook/wechat/payment", "POST /api/h5/payments"],
  ...["GET /api/h5/orders/:orderNo/status", "POST /api/h5/payments/:orderNo/resume"]
]

describe("the OpenAPI document", () => {
  // A change of the contract that is meant: `npm test -- apps/server/test/openapi -u`, and look at what changed.
  it("is the one that is committed", async () => {
    await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot("../../../docs/openapi.json")
  })

  it("has every path that clients were promised", () => {
    const ways = new Set(endpoints.map(({ way }) => way))
    assert.deepStrictEqual(
      promised.filter((way) => !ways.has(way)),
      []
    )
  })

  it("gives every operation a title and the permission it needs", () => {
    const isPermission = Schema.is(Permission)
    assert.deepStrictEqual(
      operations.flatMap(({ operation, permission, way }) => {
        const told = Predicate.hasProperty(operation, "x-required-permission")
          ? operation["x-required-permission"]
          : undefined
        return operation?.summary === undefined || told !== permission || !isPermission(told) ? [way] : []
      }),
      []
    )
  })

  it("tells of the header Idempotency-Key exactly where it is read", () => {
    assert.isAbove(operations.filter(({ isIdempotent }) => isIdempotent).length, 10)
    assert.deepStrictEqual(
      operations.flatMap(({ isIdempotent, operation, way }) => {
        const isTold = operation?.parameters.some(({ name }) => name === "Idempotency-Key") ?? false
        return isTold === isIdempotent ? [] : [way]
      }),
      []
    )
  })
})
