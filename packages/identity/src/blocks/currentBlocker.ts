import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { CurrentRequest } from "@mall/platform/http/RequestInfo"
import { Effect } from "effect"
import type { Blocker } from "./Blocks.ts"

/** The signed-in caller, with the address that their request came from, be it HTTP or RPC. */
export const currentBlocker = Effect.gen(function* () {
  const { userId } = yield* CurrentUser
  const blocker: Blocker = { author: `user:${userId}`, ip: (yield* CurrentRequest)?.clientIp }
  return blocker
})
