import { assert, layer } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { generator } from "@mall/domain/kernel/Id"
import { AttemptId } from "@mall/domain/payments/Payment"
import { Effect, FileSystem, Metric, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { signer } from "./Signer.ts"
import { Peer, testPaymentsWith } from "./TestPayments.ts"

const Account = Schema.fromJsonString(Schema.Record(Schema.String, Schema.String))
const newAttemptId = generator(AttemptId)

/** The sandbox's account, whose platform's keys nobody entered: they are to be fetched, and there are none. */
const withoutKeys = Effect.gen(function* () {
  const { folder } = yield* Peer
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(`${folder}/sandbox/wechatpay/merchant.json`)
  const { apiV3Key, appid, mchid, merchantPrivateKeyPem, merchantSerial } = yield* Schema.decodeEffect(Account)(text)
  return {
    WECHATPAY_APPID: appid ?? "",
    WECHATPAY_MCHID: mchid ?? "",
    WECHATPAY_MERCHANT_SERIAL: merchantSerial ?? "",
    WECHATPAY_MERCHANT_PRIVATE_KEY: merchantPrivateKeyPem ?? "",
    WECHATPAY_API_V3_KEY: apiV3Key ?? ""
  }
}).pipe(Effect.orDie, Effect.provide(NodeFileSystem.layer))

const counted = (id: string) =>
  Effect.map(Metric.snapshot, (all) =>
    all
      .filter((metric) => metric.id === id && metric.attributes?.["channel"] === "wechatpay")
      .reduce((sum, { state }) => sum + ("count" in state ? Number(state.count) : 0), 0)
  )

layer(testPaymentsWith(withoutKeys), { excludeTestServices: true })("A notice that cannot be judged", (it) => {
  it.effect("is asked for again, and is no failure of a signature", () =>
    Effect.gen(function* () {
      const { tellPaid } = yield* signer
      const failures = yield* counted("payment_signature_failure")
      const undecided = yield* counted("payment_callback_unverifiable")
      const answer = yield* tellPaid(yield* newAttemptId, 1999, {})
      assert.strictEqual(answer.status, 503)
      assert.strictEqual((yield* counted("payment_callback_unverifiable")) - undecided, 1)
      assert.strictEqual(yield* counted("payment_signature_failure"), failures)
      const sql = yield* SqlClient.SqlClient
      assert.deepStrictEqual(yield* sql`SELECT id FROM payments.security_events`, [])
    })
  )
})
