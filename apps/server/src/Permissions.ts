import { faults, ofHttpApi, ofRpcGroup } from "@mall/domain/identity/declarations"
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

export const assertDeclared = Effect.suspend(() => {
  const found = faults([...ofHttpApi(MallApi), ...ofRpcGroup(MallRpcs)])
  return found.length === 0 ? Effect.void : Effect.fail(new UndeclaredPermission({ faults: found }))
})
