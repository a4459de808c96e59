import { assert, describe, it } from "@effect/vitest"
import { sealedParts } from "../../src/sealing/sealedParts.ts"

const none = { email: null, name: null }
type Person = { readonly [Part in keyof typeof none]: string | null }
const parts = sealedParts<Person>(none, "email")

describe("sealedParts", () => {
  it("reads what it wrote, and nothing where nothing is sealed", () => {
    const ann = { email: "ann@mall.test", name: "Ann" }
    assert.deepStrictEqual(parts.read(parts.text(ann)), ann)
    assert.deepStrictEqual(parts.read(null), none)
  })

  it("takes a text that is no record for the part that was sealed alone", () => {
    assert.deepStrictEqual(parts.read("ann@mall.test"), { ...none, email: "ann@mall.test" })
    assert.deepStrictEqual(parts.read("6222020000000001"), { ...none, email: "6222020000000001" })
    assert.throws(() => sealedParts<Person>(none).read("ann@mall.test"), "What was sealed is no record")
  })

  it("lets what stands in the clear go before what is sealed, and null before nothing", () => {
    const sealed = parts.text({ email: "ann@mall.test", name: "Ann" })
    assert.deepStrictEqual(parts.read(sealed, { name: "Bea" }), { email: "ann@mall.test", name: "Bea" })
    assert.deepStrictEqual(parts.read(sealed, { name: null }), { email: "ann@mall.test", name: "Ann" })
    const merged = parts.merge("ann@mall.test", JSON.stringify({ email: null, name: "Bea" }))
    assert.deepStrictEqual(parts.read(merged), { email: "ann@mall.test", name: "Bea" })
    assert.deepStrictEqual(parts.read(parts.merge(null, JSON.stringify({ name: "Bea" }))), { ...none, name: "Bea" })
  })
})
