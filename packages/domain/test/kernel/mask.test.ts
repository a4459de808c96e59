import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { maskAccount, maskEmail, maskInText, maskName, maskPhone, maskText } from "../../src/kernel/mask.ts"

const charactersOf = (text: string) =>
  Array.from(new Intl.Segmenter("und", { granularity: "grapheme" }).segment(text), ({ segment }) => segment)

describe("mask", () => {
  it("shows of each what a reader needs to recognise it", () => {
    assert.strictEqual(maskEmail("ann.smith@example.com"), "a***@example.com")
    assert.strictEqual(maskPhone("+86 138-0013-8000"), "***8000")
    assert.strictEqual(maskName("Vera Visitor"), "V***")
    assert.strictEqual(maskName("张小明"), "张***")
    assert.strictEqual(maskAccount("4111111111111111"), "***1111")
    assert.strictEqual(maskText("南京西路 1266 号"), "***")
    assert.strictEqual(maskText(""), "")
  })

  it("finds email addresses and international numbers in what people wrote", () => {
    assert.strictEqual(
      maskInText("wrote from <Ann.Smith@example.com>, call +86 138 0013 8000; order 20260101123456"),
      "wrote from <A***@example.com>, call ***8000; order 20260101123456"
    )
  })

  it("shows nothing of what is too short, or is not what it should be", () => {
    assert.deepStrictEqual(["a@b.cn", "@b.cn", "a", "", "@"].map(maskEmail), ["***@b.cn", "***", "***", "***", "***"])
    assert.deepStrictEqual(["110", "", "1234567"].map(maskPhone), ["***", "***", "***"])
    assert.deepStrictEqual(["张", "", "  V "].map(maskName), ["***", "***", "***"])
    assert.deepStrictEqual(["1234567", ""].map(maskAccount), ["***", "***"])
  })

  it("leaves no half of what a reader takes for one character", () => {
    assert.strictEqual(maskName("👩‍👩‍👧 family"), "👩‍👩‍👧***")
    assert.strictEqual(maskName("e\u0301lise"), "e\u0301***")
    assert.strictEqual(maskName("👍🏽"), "***")
  })

  it.prop("a name shows one character at most, of two or more", [Schema.String], ([name]) => {
    const shown = maskName(name).replace("***", "")
    assert.isAtMost(charactersOf(shown).length, 1)
    if (shown !== "") assert.isAbove(charactersOf(name.trim()).length, 1)
  })

  it.prop("an email shows one character of its mailbox at most, and its domain", [Schema.String], ([mailbox]) => {
    const masked = maskEmail(`${mailbox}@example.com`)
    const shown = masked.replace("***", "").replace("@example.com", "")
    assert.isAtMost(charactersOf(shown).length, 1)
    if (mailbox !== "") assert.isTrue(masked.endsWith("@example.com"))
  })

  it.prop("a phone number shows four digits at most, of eight or more", [Schema.String], ([phone]) => {
    assert.match(maskPhone(phone), /^\*{3}\d{0,4}$/)
    if (maskPhone(phone) !== "***") assert.isAtLeast(phone.replaceAll(/\D/g, "").length, 8)
  })

  it.prop("an account shows its end, and as much again stays hidden", [Schema.String], ([account]) => {
    const shown = charactersOf(maskAccount(account).replace("***", ""))
    assert.isAtMost(shown.length, 4)
    if (shown.length > 0) assert.isAtLeast(charactersOf(account.trim()).length, 8)
  })

  it.prop("other text shows nothing", [Schema.String], ([text]) => {
    assert.include(["", "***"], maskText(text))
  })
})
