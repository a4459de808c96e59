import { assert, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ConfigProvider, Effect, Option } from "effect"
import { stripeConfig } from "../../../src/channel/stripe/StripeConfig.ts"

for (const [key, isLive] of [
  ["sk_live_1", true],
  ["rk_live_1", true],
  ["sk_test_1", false],
  ["rk_test_1", false]
] as const) {
  it.effect(`a key like ${key} is ${isLive ? "live" : "for tests"}, as its payments say they are`, () =>
    Effect.gen(function* () {
      const settings = yield* stripeConfig.pipe(
        Effect.provide(
          ConfigProvider.layer(
            ConfigProvider.fromUnknown({
              PUBLIC_URL: "https://shop.example",
              STRIPE_SECRET_KEY: key,
              STRIPE_PUBLISHABLE_KEY: "pk_1",
              STRIPE_WEBHOOK_SECRET: "whsec_1"
            })
          )
        )
      )
      assert.strictEqual(Option.getOrThrow(settings).isLive, isLive)
    }).pipe(Effect.provide(NodeServices.layer))
  )
}
