import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, FileSystem, Option, Redacted } from "effect"
import { inspect } from "node:util"
import { wechatPayConfig } from "../../../src/channel/wechatpay/WechatPayConfig.ts"

/** The settings that a process with this environment would have. */
const settingsOf = (environment: Record<string, string>) =>
  wechatPayConfig.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(environment))))

const given = {
  WECHATPAY_MCHID: "1900000001",
  WECHATPAY_APPID: "wx1",
  WECHATPAY_MERCHANT_SERIAL: "AB",
  WECHATPAY_MERCHANT_PRIVATE_KEY: "-----BEGIN-----\\nsecret\\n-----END-----",
  WECHATPAY_PLATFORM_KEYS: `{"PUB_KEY_ID_1":"pem 1","PUB_KEY_ID_2":"pem 2"}`,
  WECHATPAY_API_V3_KEY: "0123456789abcdef0123456789abcdef",
  PUBLIC_URL: "https://pay.example.com/"
}

describe("wechatPayConfig", () => {
  it.effect("takes the merchant of the environment, with several keys of the platform, and shows no secret", () =>
    Effect.gen(function* () {
      const settings = Option.getOrThrow(yield* settingsOf(given))
      assert.strictEqual(settings.baseUrl, "https://api.mch.weixin.qq.com/")
      assert.strictEqual(settings.notifyUrl, "https://pay.example.com/callbacks/wechatpay")
      assert.strictEqual(Redacted.value(settings.merchantPrivateKey), "-----BEGIN-----\nsecret\n-----END-----")
      assert.deepStrictEqual(Object.keys(settings.platformKeys), ["PUB_KEY_ID_1", "PUB_KEY_ID_2"])
      const shown = inspect(settings, { depth: 5 })
      assert.notInclude(shown, "secret")
      assert.notInclude(shown, given.WECHATPAY_API_V3_KEY)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("fails the start where a part of the merchant is missing", () =>
    Effect.gen(function* () {
      const { WECHATPAY_API_V3_KEY: _, ...partial } = given
      const error = yield* Effect.flip(settingsOf(partial))
      assert.include(String(error), "WECHATPAY_API_V3_KEY")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("has certificates fetched where no key of the platform was entered", () =>
    Effect.gen(function* () {
      const { WECHATPAY_PLATFORM_KEYS: _, ...keyless } = given
      const settings = Option.getOrThrow(yield* settingsOf(keyless))
      assert.deepStrictEqual(settings.platformKeys, {})
      assert.strictEqual(Duration.toHours(settings.certificateRefresh), 12)
      assert.strictEqual(Duration.toMinutes(settings.certificatePause), 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("has no merchant where there is neither an environment nor a sandbox", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped({ prefix: "mall-payments-" })
      assert.isTrue(Option.isNone(yield* settingsOf({ MALL_DATA_DIR: folder })))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
