import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { ConfigProvider, Context, Effect, Layer } from "effect"
import { randomBytes } from "node:crypto"

/** A mall whose database the test may look into, and of which it has the keys that personal data is sealed by. */
export class KeyedMall extends Context.Service<KeyedMall, TestServer>()("@mall/server/test/KeyedMall") {
  static readonly layer = Layer.unwrap(
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const environment = { PERSONAL_DATA_KEYS: JSON.stringify({ k1: randomBytes(32).toString("base64") }) }
      const server = yield* startServer({ database, environment })
      return Layer.succeed(KeyedMall, KeyedMall.of(server)).pipe(
        Layer.provideMerge(Layer.orDie(Sql.layerUrl(database))),
        Layer.merge(
          PersonalDataKeys.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(environment))))
        )
      )
    })
  )
}
