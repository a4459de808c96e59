import { ofHttpApi, ofRpcGroup } from "@mall/domain/identity/declarations"
import { MallApi } from "@mall/domain/MallApi"
import { AdminRpcs } from "@mall/domain/rpc/AdminRpcs"
import { MerchantRpcs } from "@mall/domain/rpc/MerchantRpcs"
import { ServiceRpcs } from "@mall/domain/rpc/ServiceRpcs"
import { StorefrontRpcs } from "@mall/domain/rpc/StorefrontRpcs"
import { configuredWays } from "@mall/identity/tokens/AnonymousRoutesLayer"
import { Effect, Schema } from "effect"
import { Command } from "effect/cli"
import { json, print, table } from "./Output.ts"

const AnonymousWay = Schema.Struct({ way: Schema.String, isOpen: Schema.Boolean })

const declarations = [...ofHttpApi(MallApi), ...ofRpcGroup(StorefrontRpcs.merge(MerchantRpcs, AdminRpcs, ServiceRpcs))]

export const anonymous = Command.make(
  "anonymous",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const { closed, open } = yield* configuredWays(declarations)
    const ways = [...open.map((way) => ({ way, isOpen: true })), ...closed.map((way) => ({ way, isOpen: false }))]
    yield* print(
      ways,
      { json, schema: Schema.Array(AnonymousWay) },
      table(
        { way: ({ way }) => way, anonymous: ({ isOpen }) => (isOpen ? "open" : "asks for a token") },
        ways,
        "No route is public."
      )
    )
  })
).pipe(Command.withDescription("Show which public routes serve who is not signed in, by ANONYMOUS_ROUTES"))
