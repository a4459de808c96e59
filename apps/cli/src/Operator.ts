import { Config, Effect, Schema } from "effect"
import * as os from "node:os"

class NamelessAccount extends Schema.TaggedError<NamelessAccount>()("NamelessAccount", {}) {
  override get message() {
    return "Your account on this machine has no name: say who you are with MALL_OPERATOR"
  }
}

const accountName = Effect.try({ try: () => os.userInfo().username, catch: () => new NamelessAccount() })

/** Who acts, for the records: `MALL_OPERATOR`, else the name of the account on this machine. */
export const operator = Effect.gen(function* () {
  const name = yield* Config.String("MALL_OPERATOR").pipe(Config.withDefault(""))
  return name.trim() === "" ? yield* accountName : name.trim().slice(0, 64)
})
