import { formatMajor } from "@mall/domain/kernel/Currency"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import { html } from "@mall/platform/html"
import { Effect, Option, Redacted, Schema } from "effect"
import type { Xml } from "effect/encoding"
import type { BankAnswer, BankInstruction, Statement } from "./BankChannel.ts"
import { elementsAt, parseXml, textAt, XmlUnreadable } from "./xmlTree.ts"

const namespaceOf = (message: string) => `urn:iso:std:iso:20022:tech:xsd:${message}`
const transferOrder = namespaceOf("pain.001.001.09")
const statusReport = namespaceOf("pain.002.001.10")
const statementMessage = namespaceOf("camt.053.001.08")

/** ISO 20022 takes 35 characters: an id of ours without its dashes. */
export const endToEndIdOf = (id: string) => id.replaceAll("-", "")

const decodeId = Schema.decodeOption(PayoutId)
const toPayoutId = (text: string) => decodeId(text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"))

const creditor = ({ amount, bankCode, bic, country, currency, holder, id, number }: BankInstruction) => {
  const account = Redacted.value(number)
  const agent = bic === null ? html`` : html`<BICFI>${bic}</BICFI>`
  const clearing = bankCode === null ? html`` : html`<ClrSysMmbId><MmbId>${bankCode}</MmbId></ClrSysMmbId>`
  const holds = country === "CN" ? html`<Othr><Id>${account}</Id></Othr>` : html`<IBAN>${account}</IBAN>`
  return html`<CdtTrfTxInf>
    <PmtId><InstrId>${endToEndIdOf(id)}</InstrId><EndToEndId>${endToEndIdOf(id)}</EndToEndId></PmtId>
    <Amt><InstdAmt Ccy="${currency}">${formatMajor(amount, currency)}</InstdAmt></Amt>
    <CdtrAgt><FinInstnId>${agent}${clearing}</FinInstnId></CdtrAgt>
    <Cdtr
      ><Nm>${holder}</Nm><PstlAdr><Ctry>${country}</Ctry></PstlAdr></Cdtr
    >
    <CdtrAcct><Id>${holds}</Id></CdtrAcct>
  </CdtTrfTxInf>`
}

/** An order of transfers (pain.001). Its number is the batch's. */
export const transferOrderOf = (batchId: string, now: Date, instructions: ReadonlyArray<BankInstruction>) =>
  html`<?xml version="1.0" encoding="UTF-8"?>
    <Document xmlns="${transferOrder}"
      ><CstmrCdtTrfInitn>
        <GrpHdr>
          <MsgId>${endToEndIdOf(batchId)}</MsgId><CreDtTm>${now.toISOString()}</CreDtTm>
          <NbOfTxs>${instructions.length}</NbOfTxs><InitgPty><Nm>Mall</Nm></InitgPty>
        </GrpHdr>
        <PmtInf>
          <PmtInfId>${endToEndIdOf(batchId)}</PmtInfId><PmtMtd>TRF</PmtMtd>
          <ReqdExctnDt><Dt>${now.toISOString().slice(0, 10)}</Dt></ReqdExctnDt>
          ${instructions.map(creditor)}
        </PmtInf>
      </CstmrCdtTrfInitn></Document
    >`.markup

/** The bank's words for where a transfer stands; any other is none that we can act on. */
const states: Readonly<Record<string, BankAnswer["state"]>> = {
  ...{ ACTC: "accepted", ACCP: "accepted", ACSP: "accepted", PDNG: "accepted" },
  ...{ ACSC: "paid", ACCC: "paid", RJCT: "refused" }
}

const reasonAt = (element: Xml.Element, ...names: ReadonlyArray<string>) =>
  Option.getOrNull(
    Option.orElse(textAt(element, ...names, "Rsn", "Cd"), () => textAt(element, ...names, "Rsn", "Prtry"))
  )

const malformed = (reason: string) => new XmlUnreadable({ reason })

const idAt = (element: Xml.Element, ...names: ReadonlyArray<string>) =>
  Effect.fromOption(Option.flatMap(textAt(element, ...names), toPayoutId)).pipe(
    Effect.mapError(() => malformed("a transfer has no number of ours"))
  )

/** A report of where transfers stand (pain.002). */
export const parseStatusReport = Effect.fnUntraced(function* (text: string) {
  const root = yield* parseXml(text, "Document", statusReport)
  const lines = elementsAt(root, "CstmrPmtStsRpt", "OrgnlPmtInfAndSts", "TxInfAndSts")
  return yield* Effect.forEach(
    lines,
    Effect.fnUntraced(function* (line) {
      const answer: BankAnswer = {
        id: yield* idAt(line, "OrgnlEndToEndId"),
        moved: null,
        state: states[Option.getOrElse(textAt(line, "TxSts"), () => "")] ?? "unknown",
        bankReference: Option.getOrNull(textAt(line, "AcctSvcrRef")),
        reason: reasonAt(line, "StsRsnInf")
      }
      return answer
    })
  )
})

const moneyAt = (entry: Xml.Element) => ({
  amount: Option.getOrElse(textAt(entry, "Amt"), () => ""),
  currency: elementsAt(entry, "Amt")[0]?.attributes["Ccy"] ?? ""
})

/**
 * A statement of our account at the bank (camt.053). A debit is what was paid; a credit with a reason of return came back. What
 * has no number of ours, such as what the bank charges, is none of pay-outs.
 */
export const parseStatement = Effect.fnUntraced(function* (text: string) {
  const root = yield* parseXml(text, "Document", statementMessage)
  const readTo = textAt(root, "BkToCstmrStmt", "GrpHdr", "MsgId")
  if (Option.isNone(readTo)) return yield* malformed("the statement has no number")
  const entries = yield* Effect.forEach(
    elementsAt(root, "BkToCstmrStmt", "Stmt", "Ntry"),
    Effect.fnUntraced(function* (entry) {
      const side = Option.getOrElse(textAt(entry, "CdtDbtInd"), () => "")
      const isReturn = elementsAt(entry, "NtryDtls", "TxDtls", "RtrInf").length === 1
      if (!(side === "DBIT" && !isReturn) && !(side === "CRDT" && isReturn)) return []
      const id = Option.flatMap(textAt(entry, "NtryDtls", "TxDtls", "Refs", "EndToEndId"), toPayoutId)
      if (Option.isNone(id)) {
        const bankReference = Option.getOrNull(textAt(entry, "AcctSvcrRef"))
        yield* Effect.logWarning("An entry of the bank's statement is of no pay-out", { side, bankReference })
        return []
      }
      const answer: BankAnswer = {
        id: id.value,
        moved: moneyAt(entry),
        state: isReturn ? "returned" : "paid",
        bankReference: Option.getOrNull(textAt(entry, "AcctSvcrRef")),
        reason: reasonAt(entry, "NtryDtls", "TxDtls", "RtrInf")
      }
      return [answer]
    })
  )
  const statement: Statement = { entries: entries.flat(), readTo: readTo.value }
  return statement
})
