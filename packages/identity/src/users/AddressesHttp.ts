import { AddressId } from "@mall/domain/identity/AddressBook"
import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { Effect } from "effect"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Addresses } from "./Addresses.ts"

export const AddressesHttp = ApiGroup.group(
  MallApi,
  "addresses",
  Effect.fn(function* (handlers) {
    const addresses = yield* Addresses
    return handlers.handleAll({
      list: ({ query }) => Effect.flatMap(CurrentUser, (user) => addresses.list(user, query)),
      create: Effect.fnUntraced(function* ({ payload }) {
        const { id } = yield* Operation
        const created = addresses.create(yield* CurrentUser, AddressId.make(id), payload)
        // the id of an operation is the caller's own
        return yield* Effect.catchTag(created, "AddressNotFound", Effect.die)
      }),
      get: ({ params }) => Effect.flatMap(CurrentUser, (user) => addresses.get(user, params.id)),
      replace: ({ params, payload }) =>
        Effect.flatMap(CurrentUser, (user) => addresses.replace(user, params.id, payload)),
      delete: ({ params }) => Effect.flatMap(CurrentUser, (user) => addresses.delete(user, params.id))
    })
  })
)
