import { assert, describe, it } from "@effect/vitest"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Rpc, RpcGroup } from "effect/rpc"
import { Authorization, RpcAuthorization, ServiceAuthorization } from "../../src/identity/Authorization.ts"
import { faults, ofHttpApi, ofRpcGroup } from "../../src/identity/declarations.ts"
import { RequiredPermission } from "../../src/identity/Permission.ts"
import { payments } from "../../src/identity/ServiceName.ts"
import { CalledService } from "../../src/identity/ServiceToken.ts"
import { Audited } from "../../src/operations/Audit.ts"

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

const ofServices = RpcGroup.make(
  Rpc.make("services.good")
    .annotate(RequiredPermission, "service")
    .annotate(CalledService, payments)
    .annotate(Audited, "nothing")
    .middleware(ServiceAuthorization),
  Rpc.make("services.unnamed").annotate(RequiredPermission, "service").middleware(ServiceAuthorization),
  Rpc.make("services.ofUsers").annotate(RequiredPermission, "account").middleware(ServiceAuthorization),
  Rpc.make("services.byUsers").annotate(RequiredPermission, "service").middleware(RpcAuthorization)
)

describe("declarations", () => {
  it("finds the endpoint that says nothing and the one that nothing checks", () => {
    assert.deepStrictEqual(faults(ofHttpApi(api)), [
      "GET /silent declares no permission",
      "POST /unaudited needs catalog:write and does not say what it leaves in the audit trail",
      "GET /unguarded needs account but nothing checks it"
    ])
  })

  it("finds what is for services and does not say of which, or lets in users", () => {
    assert.deepStrictEqual(faults(ofRpcGroup(ofServices)), [
      "rpc services.unnamed does not say of which service it is",
      "rpc services.ofUsers is for services and needs account",
      "rpc services.byUsers needs service but nothing checks it"
    ])
  })

  it("finds the same in RPC", () => {
    assert.deepStrictEqual(faults(ofRpcGroup(rpcs)), [
      "rpc things.unguarded needs users:administer but nothing checks it",
      "rpc things.silent declares no permission"
    ])
  })
})
