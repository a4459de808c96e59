import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readEcbRates } from "../src/exchange/ecbRates.ts"

const fileOf = (
  rates: string,
  { day = "2026-11-20", start = "" } = {}
) => `<?xml version="1.0" encoding="UTF-8"?>${start}
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject><gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
<Cube><Cube time='${day}'>${rates}</Cube></Cube></gesmes:Envelope>`

const usd = "<Cube currency='USD' rate='1.0812'/>"
const reasonOf = (text: string) => Effect.map(Effect.flip(readEcbRates(text)), ({ reason }) => reason)

describe("The European Central Bank's file", () => {
  it.effect("is read with its day, and without what nobody is paid in here", () =>
    Effect.gen(function* () {
      const read = yield* readEcbRates(
        fileOf(`${usd}<Cube currency='XDR' rate='0.81'/><Cube currency='JPY' rate='162.35'/>`)
      )
      assert.deepStrictEqual(read, {
        validFrom: new Date("2026-11-20T12:00:00Z"),
        rates: [
          { quote: "USD", rate: "1.0812" },
          { quote: "JPY", rate: "162.35" }
        ]
      })
    })
  )

  it.effect("is refused as a whole where a part of it is not as it should be", () =>
    Effect.gen(function* () {
      assert.include(yield* reasonOf(fileOf(`${usd}<Cube currency='JPY' rate='-1'/>`)), "JPY")
      assert.include(yield* reasonOf(fileOf(`${usd}<Cube currency='JPY' rate='0.000'/>`)), "JPY")
      assert.include(yield* reasonOf(fileOf(`${usd}<Cube currency='JPY' rate='1e3'/>`)), "JPY")
      assert.include(yield* reasonOf(fileOf(`${usd}<Cube currency='JPY'/>`)), "JPY")
      assert.include(yield* reasonOf(fileOf(usd + usd)), "USD")
      assert.include(yield* reasonOf(fileOf(usd, { day: "2026-02-30" })), "day")
      assert.include(yield* reasonOf(fileOf(usd, { day: "yesterday" })), "day")
      assert.include(yield* reasonOf(fileOf("")), "no rates")
      assert.include(yield* reasonOf(fileOf(usd).slice(0, 300)), "Syntax")
      assert.include(yield* reasonOf("<html><body>maintenance</body></html>"), "one day")
      assert.include(yield* reasonOf(""), "Syntax")
    })
  )

  it.effect("cannot make us read another file, nor grow without bounds", () =>
    Effect.gen(function* () {
      const external = `<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>`
      assert.include(yield* reasonOf(fileOf(`${usd}&x;`, { start: external })), "document type")
      assert.include(yield* reasonOf(fileOf(`<Cube>`.repeat(40))), "Limit")
      assert.include(yield* reasonOf(fileOf(`<!--${"x".repeat(70_000)}-->${usd}`)), "Limit")
    })
  )
})
