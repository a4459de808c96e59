import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { parseFlatXml } from "../../../src/channel/wechatpay_v2/flatXml.ts"
import { isSigned, signatureOf } from "../../../src/channel/wechatpay_v2/wechatPayV2Signature.ts"

/** The example that WeChat Pay publishes with its signature algorithm. */
const published = {
  appid: "wxd930ea5d5a258f4f",
  mch_id: "10000100",
  device_info: "1000",
  body: "test",
  nonce_str: "ibuaiVcKdpRxkhJA"
}
const publishedKey = Redacted.make("192006250b4c09247ec02edce69f6a2d")
const md5 = "9A0A8659F005D6984697E2CA0A9CF3B7"
const hmac = "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"

describe("The signature of WeChat Pay v2", () => {
  it("has the digests of the published examples", () => {
    assert.strictEqual(signatureOf("MD5", published, publishedKey), md5)
    assert.strictEqual(signatureOf("HMAC-SHA256", published, publishedKey), hmac)
  })

  it("leaves out the signature and what is empty", () => {
    assert.strictEqual(signatureOf("MD5", { ...published, attach: "", sign: "x" }, publishedKey), md5)
  })

  it("holds by either algorithm, and for nothing else", () => {
    for (const sign of [md5, hmac]) {
      assert.isTrue(isSigned({ ...published, sign }, publishedKey))
      assert.isFalse(isSigned({ ...published, body: "tesT", sign }, publishedKey))
      assert.isFalse(isSigned({ ...published, sign: sign.toLowerCase() }, publishedKey))
      assert.isFalse(isSigned({ ...published, sign: sign.slice(1) }, publishedKey))
      assert.isFalse(isSigned({ ...published, sign }, Redacted.make("0".repeat(32))))
    }
    assert.isFalse(isSigned(published, publishedKey))
  })
})

describe("A document of WeChat Pay v2", () => {
  it.effect("is read field by field, texts as they are", () =>
    Effect.gen(function* () {
      const fields = yield* parseFlatXml(
        `<?xml version="1.0"?>\n<xml><total_fee>0100</total_fee> <body><![CDATA[<b>&]]></body><a>&lt;&amp;</a><e/></xml>`,
        "xml"
      )
      assert.deepStrictEqual({ ...fields }, { total_fee: "0100", body: "<b>&", a: "<&", e: "" })
    })
  )

  const hostile = {
    "an entity of its own": `<!DOCTYPE x [<!ENTITY e "boom">]><xml><a>&e;</a></xml>`,
    "a file from outside": `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><a>&e;</a></xml>`,
    "a document type": `<!DOCTYPE xml><xml><a>1</a></xml>`,
    "an unknown entity": "<xml><a>&boom;</a></xml>",
    "a name twice": "<xml><a>1</a><a>2</a></xml>",
    "an element within a field": "<xml><a><b>1</b></a></xml>",
    "text between the fields": "<xml><a>1</a>loose</xml>",
    "an end that is missing": "<xml><a>1</a>",
    "another root": "<html><a>1</a></html>",
    "a great depth": `<xml>${"<a>".repeat(5_000)}`,
    "a field that is too large": `<xml><a>${"x".repeat(70_000)}</a></xml>`,
    "no XML at all": `{"a":1}`,
    nothing: ""
  }
  for (const [what, text] of Object.entries(hostile)) {
    it.effect(`is refused with ${what}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(parseFlatXml(text, "xml")))._tag, "XmlUnreadable")
      })
    )
  }

  it.effect("may name a field as JavaScript names an inner one", () =>
    Effect.gen(function* () {
      const fields = yield* parseFlatXml("<xml><__proto__>1</__proto__><constructor>2</constructor></xml>", "xml")
      assert.deepStrictEqual(Object.keys(fields), ["__proto__", "constructor"])
    })
  )
})
