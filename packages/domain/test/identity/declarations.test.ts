import { assert, describe, it } from "@effect/vitest"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Rpc, RpcGroup } from "effect/rpc"
import { Authorization, RpcAuthorization } from "../../src/identity/Authorization.ts"
import { faults, ofHttpApi, ofRpcGroup } from "../../src/identity/declarations.ts"
import { RequiredPermission } from "../../src/identity/Permission.ts"

const api = HttpApi.make("shop").add(
  HttpApiGroup.make("things").add(
    HttpApiEndpoint.get("open", "/open").annotate(RequiredPermission, "public"),
    HttpApiEndpoint.get("guarded", "/guarded").annotate(RequiredPermission, "account").middleware(Authorization),
    HttpApiEndpoint.get("silent", "/silent"),
    HttpApiEndpoint.post("unaudited", "/unaudited")
      .annotate(RequiredPermission, "catalog:write")
      .middleware(Authorization),
    HttpApiEndpoint.get("unguarded", "/unguarded").annotate(RequiredPermission, "account")
  )
)

const rpcs = RpcGroup.make(
  Rpc.make("things.guarded").annotate(RequiredPermission, "account").middleware(RpcAuthorization),
  Rpc.make("things.unguarded").annotate(RequiredPermission, "users:administer"),
  Rpc.make("things.silent")
)

describe("declarations", () => {
  it("finds the endpoint that says nothing and the one that nothing checks", () => {
    assert.deepStrictEqual(faults(ofHttpApi(api)), [
      "GET /silent declares no permission",
      "POST /unaudited needs catalog:write and does not say what it leaves in the audit trail",
      "GET /unguarded needs account but nothing checks it"
    ])
  })

  it("finds the same in RPC", () => {
    assert.deepStrictEqual(faults(ofRpcGroup(rpcs)), [
      "rpc things.unguarded needs users:administer but nothing checks it",
      "rpc things.silent declares no permission"
    ])
  })
})
