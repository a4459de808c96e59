import { BlockId } from "@mall/domain/identity/Block"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect } from "effect"
import { Blocks } from "./Blocks.ts"
import { currentBlocker } from "./currentBlocker.ts"

export const BlocksHttp = ApiGroup.group(
  MallApi,
  "blocks",
  Effect.fn(function* (handlers) {
    const blocks = yield* Blocks
    const newId = Effect.map(Operation, ({ id }) => BlockId.make(id))
    return handlers.handleAll({
      list: ({ query }) => blocks.list(query),
      add: ({ payload }) =>
        Effect.flatMap(Effect.all([newId, currentBlocker]), ([id, by]) => blocks.add(id, payload, by)),
      remove: ({ params, payload }) =>
        Effect.flatMap(currentBlocker, (by) => blocks.remove(params.id, payload.reason, by))
    })
  })
)
