import { Effect, Schema } from "effect"
import { Callbacks } from "./Callbacks.ts"
import type { NoticeProtocol } from "./Channel.ts"
import { Journal } from "./Journal.ts"

const Endpoint = Schema.Struct({ url: Schema.String })

/** Where merchants want a channel's events: each address that was registered is told of each. */
export const makeEndpoints = Effect.fnUntraced(function* (channel: string, protocol: NoticeProtocol) {
  const journal = yield* Journal
  const callbacks = yield* Callbacks
  const endpoints = yield* journal.open(`${channel}/endpoints`, { schema: Endpoint, key: ({ url }) => url })
  const send = yield* callbacks.register(channel, protocol)
  return {
    add: (url: string) => endpoints.set({ url }),
    tell: (event: string, reference: string, payload: Schema.JsonObject) =>
      Effect.forEach(endpoints.values(), ({ url }) => send({ event, reference, url, payload }), { discard: true })
  }
})
