import { assert, describe, it } from "@effect/vitest"
import { withoutSecrets } from "@mall/platform/telemetry/withoutSecrets"

describe("withoutSecrets", () => {
  it("keeps what was said, but for what opens a door or names a person", () => {
    assert.deepStrictEqual(
      withoutSecrets({
        ...{ out_trade_no: "a1", amount: { total: 1999, currency: "CNY" }, paid: true, nothing: null, left: undefined },
        ...{ sign: "AAAA", sign_type: "RSA2", paySign: "x", client_secret: "pi_secret", api_key: "k", mch_id: "190" },
        payer: { openid: "o-1", email_address: "a@b.c", name: { given_name: "Vera" } },
        "payment_method_data[card][cvc]": "123",
        headers: [{ authorization: "Bearer abc.def" }],
        big: 12n,
        at: new Date("2026-01-02T03:04:05Z")
      }),
      {
        ...{ out_trade_no: "a1", amount: { total: 1999, currency: "CNY" }, paid: true, nothing: null },
        ...{ sign: "<redacted>", sign_type: "RSA2", paySign: "<redacted>", client_secret: "<redacted>" },
        ...{ api_key: "<redacted>", mch_id: "190" },
        payer: { openid: "<redacted>", email_address: "<redacted>", name: { given_name: "<redacted>" } },
        "payment_method_data[card][cvc]": "<redacted>",
        headers: [{ authorization: "<redacted>" }],
        big: "12",
        at: "2026-01-02T03:04:05.000Z"
      }
    )
  })

  it("finds card numbers and keys wherever they stand", () => {
    assert.deepStrictEqual(
      withoutSecrets({
        note: "card 4111 1111 1111 1111, thanks",
        "5555555555554444": 1,
        value: 4111111111111111,
        deep: [[{ text: "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----" }]],
        url: "https://user:word@example.com/a",
        header: "Bearer eyJhbGciOi.x.y"
      }),
      {
        note: "card <card *1111>, thanks",
        "<card *4444>": 1,
        value: "<card *1111>",
        deep: [[{ text: "<redacted>" }]],
        url: "https://<redacted>@example.com/a",
        header: "<redacted>"
      }
    )
  })

  it("makes of anything what PostgreSQL takes, and not too much of it", () => {
    const circle: Record<string, unknown> = {}
    circle["self"] = circle
    assert.include(JSON.stringify(withoutSecrets(circle)), "<omitted>")
    assert.strictEqual(withoutSecrets("a\0b\ud800"), "ab\ufffd")
    assert.deepStrictEqual(withoutSecrets([Number.NaN, new Map(), () => 1]), ["NaN", "<omitted>", null])
    const large = Array.from({ length: 200 }, () => Array.from({ length: 200 }, () => "x".repeat(5_000)))
    assert.isBelow(JSON.stringify(withoutSecrets(large)).length, 3_000_000)
    assert.match(String(withoutSecrets("x".repeat(5_000))), /^x{2000}… \(5000 characters\)$/)
  })
})
