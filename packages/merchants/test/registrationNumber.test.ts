import { assert, describe, it } from "@effect/vitest"
import { registrationNumberFault } from "@mall/domain/merchants/registrationNumber"

describe("a registration number", () => {
  it("of a company in China is a unified social credit code with the right check character", () => {
    // the published codes of a bank and of a software house
    for (const code of ["91100000100003962T", "9144030071526726XG"]) {
      const known = registrationNumberFault("CN", "company", code)
      const wrong = `${code.slice(0, 10)}${code[10] === "1" ? "2" : "1"}${code.slice(11)}`
      assert.isUndefined(known, code)
      assert.isDefined(registrationNumberFault("CN", "company", wrong), wrong)
    }
    assert.isDefined(registrationNumberFault("CN", "company", "91100000100003962I"))
    assert.isDefined(registrationNumberFault("CN", "company", ""))
  })

  it("of a person in China is an identity number with the right check character", () => {
    // the example of GB 11643-1999
    assert.isUndefined(registrationNumberFault("CN", "individual", "11010519491231002X"))
    assert.isDefined(registrationNumberFault("CN", "individual", "110105194912310021"))
    assert.isDefined(registrationNumberFault("CN", "individual", "11010519491231002x"))
  })

  it("elsewhere looks like a number of some register", () => {
    assert.isUndefined(registrationNumberFault("DE", "company", "HRB 86891"))
    assert.isDefined(registrationNumberFault("DE", "company", "x"))
    assert.isDefined(registrationNumberFault("US", "company", "<script>"))
  })
})
