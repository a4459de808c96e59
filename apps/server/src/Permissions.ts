import { faults, ofHttpApi, ofRpcGroup } from "@mall/domain/identity/declarations"
import { configuredWays } from "@mall/identity/tokens/AnonymousRoutesLayer"
import { MallApi } from "@mall/domain/MallApi"
import { Effect, Schema } from "effect"
import { MallRpcs } from "./HttpApp.ts"

/** An endpoint or an Rpc says nothing of who may call it, or nothing checks what it says: the server does not start. */
class UndeclaredPermission extends Schema.TaggedError<UndeclaredPermission>()("UndeclaredPermission", {
  faults: Schema.Array(Schema.String)
}) {
  override get message() {
    return `The server does not start: ${this.faults.join("; ")}.`
  }
}

/** Every way into the server. */
export const declarations = [...ofHttpApi(MallApi), ...ofRpcGroup(MallRpcs)]

export const assertDeclared = Effect.gen(function* () {
  const found = faults(declarations)
  if (found.length > 0) return yield* new UndeclaredPermission({ faults: found })
  yield* configuredWays(declarations)
})
