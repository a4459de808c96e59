import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { X509Certificate } from "node:crypto"
import { Aes } from "wechatpay-axios-plugin"
import { at, TestMerchant } from "./TestMerchant.ts"

const decodeJson = Schema.decodeEffect(Schema.fromJsonString(Schema.Json))

layer(TestMerchant.layer, { excludeTestServices: true })("platform certificates", (it) => {
  it.effect("are issued on demand, listed under the merchant's key, and sign what comes after", () =>
    Effect.gen(function* () {
      const { account, call, control, http, url } = yield* TestMerchant
      const rotate = Effect.map(control("POST", "/wechatpay/rotate"), ({ data }) => String(at(data, "serial")))
      const first = yield* rotate
      const second = yield* rotate
      const third = yield* rotate
      assert.strictEqual(new Set([first, second, third]).size, 3)

      // the library does not know the key; what it could not verify it hands over
      const unverified = yield* Effect.flip(call("get", "certificates", {}))
      assert.strictEqual(unverified.code, "EV3_RES_HEADER_PLATFORM_SERIAL")
      const { data } = yield* control("GET", "/requests?channel=wechatpay&operation=other&limit=1")
      const listed = yield* decodeJson(String(at(data, "data", 0, "answer")))
      assert.deepStrictEqual(at(listed, "data", 0, "serial_no"), third)
      assert.deepStrictEqual(at(listed, "data", 1, "serial_no"), second)
      assert.isUndefined(at(listed, "data", 2))
      const sealed = (name: string) => String(at(listed, "data", 0, "encrypt_certificate", name))
      const certificate = new X509Certificate(
        Aes.AesGcm.decrypt(sealed("ciphertext"), account.apiV3Key, sealed("nonce"), sealed("associated_data"))
      )
      assert.strictEqual(certificate.serialNumber, third)
      assert.isTrue(certificate.verify(certificate.publicKey))
      assert.isBelow(certificate.validFromDate.getTime(), certificate.validToDate.getTime())

      const refused = yield* http.get(`${url}/wechatpay/v3/pay/transactions/id/1`)
      assert.strictEqual(refused.headers["wechatpay-serial"], third)
      assert.strictEqual((yield* control("POST", "/alipay/rotate")).status, 404)
      assert.strictEqual((yield* control("POST", "/nobody/rotate")).status, 404)
    })
  )
})
