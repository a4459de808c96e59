import { assert, describe, it } from "@effect/vitest"
import type { Declaration } from "@mall/domain/identity/declarations"
import { Result } from "effect"
import { anonymousWays } from "../../src/tokens/anonymousWays.ts"

const declared = (way: string, permission: Declaration["permission"]): Declaration => ({
  ...{ way, permission, guard: permission === "public" ? "none" : "required", calledService: undefined },
  ...{ stepUp: undefined, hasStepUp: false, audited: undefined }
})

const ways = [
  declared("GET /api/v1/products", "public"),
  declared("GET /api/v1/products/:id", "public"),
  declared("POST /api/v1/products", "catalog:write"),
  declared("POST /api/v1/auth/login", "public"),
  declared("POST /api/v1/auth/a/b", "public"),
  declared("POST /api/v1/auth/logout", "account"),
  declared("rpc products.get", "public"),
  declared("rpc products.remove", "catalog:write")
]

const openBy = (...entries: ReadonlyArray<string>) => {
  const found = anonymousWays(ways, entries)
  return Result.isSuccess(found) ? found.success.open : found.failure
}

describe("The list of anonymous routes", () => {
  it("leaves everything public open where there is none, and nothing where it is empty", () => {
    const all = ways.filter(({ permission }) => permission === "public").map(({ way }) => way)
    assert.deepStrictEqual(anonymousWays(ways, undefined), Result.succeed({ open: all, closed: [] }))
    assert.deepStrictEqual(anonymousWays(ways, []), Result.succeed({ open: [], closed: all }))
  })

  it("goes by method and pattern: a star for a part of a segment, two for any number of them", () => {
    assert.deepStrictEqual(openBy("GET /api/v1/products"), ["GET /api/v1/products"])
    assert.deepStrictEqual(openBy("GET /api/v1/products/*"), ["GET /api/v1/products/:id"])
    assert.deepStrictEqual(openBy("GET /api/v1/prod*"), ["GET /api/v1/products"])
    assert.deepStrictEqual(openBy("GET /**"), ["GET /api/v1/products", "GET /api/v1/products/:id"])
    assert.deepStrictEqual(openBy("* /api/v1/auth/logi*"), ["POST /api/v1/auth/login"])
    assert.deepStrictEqual(openBy("POST /api/*/auth/*/b"), ["POST /api/v1/auth/a/b"])
    assert.deepStrictEqual(openBy("RPC products.g**"), ["rpc products.get"])
  })

  it("never opens what is not declared public, and says which of its entries is a mistake", () => {
    assert.strictEqual(
      openBy("GET /api/v1/products", "POST /api/v1/auth/*"),
      '"POST /api/v1/auth/*" would open POST /api/v1/auth/logout, which is not declared public'
    )
    assert.include(openBy("* /**"), "would open POST /api/v1/products")
    assert.include(openBy("RPC **"), "would open rpc products.remove")
    assert.strictEqual(openBy("GET /api/v1/produkte"), 'nothing fits "GET /api/v1/produkte"')
    assert.include(openBy("/api/v1/products"), "is not of the form")
    assert.include(openBy("FETCH /api/v1/products"), "is not of the form")
    assert.include(openBy(`GET /${"a".repeat(300)}`), "is not of the form")
  })

  it("takes no longer for a pattern of many stars", () => {
    const long = [declared(`GET /${"a".repeat(190)}`, "public")]
    const found = anonymousWays(long, [`GET /${"*a".repeat(90)}b`])
    assert.deepStrictEqual(Result.isFailure(found), true)
  })
})
