import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { parseStatement } from "../src/payouts/bank/iso20022.ts"

const entry = (side: "CRDT" | "DBIT", amount: string, details: string) => `<Ntry>
  <Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>${side}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
  <AcctSvcrRef>SB1</AcctSvcrRef>${details}</Ntry>`

const statement = (
  ...entries: ReadonlyArray<string>
) => `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
  <BkToCstmrStmt><GrpHdr><MsgId>7</MsgId></GrpHdr><Stmt><Id>7</Id>${entries.join("")}</Stmt></BkToCstmrStmt></Document>`

const detailsOf = (endToEndId: string, more = "") =>
  `<NtryDtls><TxDtls><Refs><EndToEndId>${endToEndId}</EndToEndId></Refs>${more}</TxDtls></NtryDtls>`

const number = "0190a0000000700080000000000000aa"
const id = "0190a000-0000-7000-8000-0000000000aa"

describe("parseStatement", () => {
  it.effect("reads what was paid and what came back, beside what is of no pay-out", () =>
    Effect.gen(function* () {
      const returned = "<RtrInf><Rsn><Cd>AC01</Cd></Rsn></RtrInf>"
      const { entries, readTo } = yield* parseStatement(
        statement(
          entry("DBIT", "12.00", ""),
          entry("DBIT", "3.50", detailsOf("NOTPROVIDED")),
          entry("DBIT", "4.99", detailsOf(number)),
          entry("CRDT", "4.00", detailsOf(number, returned))
        )
      )
      assert.strictEqual(readTo, "7")
      assert.deepStrictEqual(
        entries.map(({ id, moved, reason, state }) => [id, state, moved, reason]),
        [
          [id, "paid", { amount: "4.99", currency: "EUR" }, null],
          [id, "returned", { amount: "4.00", currency: "EUR" }, "AC01"]
        ]
      )
    })
  )
})
