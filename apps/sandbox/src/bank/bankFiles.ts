import { Currency, formatMajor, parseMajor } from "@mall/domain/kernel/Currency"
import { html } from "@mall/platform/html"
import { Effect, Option, Schema, Stream } from "effect"
import { Xml } from "effect/encoding"
import type { BankBook, Transfer } from "./BankBook.ts"

const namespaceOf = (message: string) => `urn:iso:std:iso:20022:tech:xsd:${message}`
const isCurrency = Schema.is(Currency)

/** The file is no order of transfers that the bank can carry out. Nothing of it is. */
class FileRefused extends Schema.TaggedError<FileRefused>()("FileRefused", { reason: Schema.String }) {}

const isElement = (child: Xml.Element | string): child is Xml.Element => typeof child !== "string"
const at = (element: Xml.Element | undefined, ...names: ReadonlyArray<string>) =>
  names.reduce<Xml.Element | undefined>(
    (found, name) => found?.children.filter(isElement).find((child) => child.name === name),
    element
  )
const textOf = (element: Xml.Element | undefined) => element?.children.filter((child) => !isElement(child)).join("")

const withDashes = (id: string) => id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
const withoutDashes = (id: string) => id.replaceAll("-", "")

const toTransfer = (batch: string, element: Xml.Element) => {
  const instructed = at(element, "Amt", "InstdAmt")
  const currency = instructed?.attributes["Ccy"]
  const id = textOf(at(element, "PmtId", "EndToEndId")) ?? ""
  const holds = at(element, "CdtrAcct", "Id")
  const account = textOf(at(holds, "IBAN")) ?? textOf(at(holds, "Othr", "Id"))
  const name = textOf(at(element, "Cdtr", "Nm"))
  if (!isCurrency(currency) || account === undefined || name === undefined || !/^[0-9a-f]{32}$/.test(id)) {
    return undefined
  }
  const amount = parseMajor(textOf(instructed) ?? "", currency)
  return amount === undefined ? undefined : { id: withDashes(id), batch, amount, currency, name, account }
}

/** The transfers of an order (pain.001). */
export const parseOrder = Effect.fnUntraced(
  function* (text: string, batch: string) {
    const root = yield* Stream.make(text).pipe(
      Stream.pipeThroughChannel(Xml.decodeString({ maxDepth: 16 })),
      Stream.pipeThroughChannel(Xml.elements(["Document"])),
      Stream.runHead
    )
    const order = at(Option.getOrUndefined(root), "CstmrCdtTrfInitn")
    const lines = (at(order, "PmtInf")?.children ?? []).filter(isElement).filter(({ name }) => name === "CdtTrfTxInf")
    const transfers = lines.map((line) => toTransfer(batch, line)).filter((transfer) => transfer !== undefined)
    const count = Number(textOf(at(order, "GrpHdr", "NbOfTxs")))
    const number = textOf(at(order, "GrpHdr", "MsgId"))
    return transfers.length === count && transfers.length === lines.length && number === batch
      ? transfers
      : yield* new FileRefused({ reason: "FF01" })
  },
  Effect.catchIf(
    (error) => error instanceof Xml.XmlError,
    () => Effect.fail(new FileRefused({ reason: "FF01" }))
  )
)

const codes = { accepted: "ACCP", executed: "ACSC", rejected: "RJCT", returned: "ACSC" } as const

/** How the transfers of an order stand (pain.002). */
export const reportOf = (batch: string, transfers: ReadonlyArray<Transfer>) =>
  html`<?xml version="1.0" encoding="UTF-8"?>
    <Document xmlns="${namespaceOf("pain.002.001.10")}"
      ><CstmrPmtStsRpt>
        <GrpHdr><MsgId>R${batch.slice(1)}</MsgId></GrpHdr>
        <OrgnlGrpInfAndSts><OrgnlMsgId>${batch}</OrgnlMsgId></OrgnlGrpInfAndSts>
        <OrgnlPmtInfAndSts
          ><OrgnlPmtInfId>${batch}</OrgnlPmtInfId>
          ${transfers.map(
            ({ bankReference, id, reason, status }) =>
              html`<TxInfAndSts>
                <OrgnlEndToEndId>${withoutDashes(id)}</OrgnlEndToEndId><TxSts>${codes[status]}</TxSts>
                ${
                  status === "rejected"
                    ? html`<StsRsnInf
                        ><Rsn><Cd>${reason ?? "MS03"}</Cd></Rsn></StsRsnInf
                      >`
                    : html``
                }
                <AcctSvcrRef>${bankReference}</AcctSvcrRef>
              </TxInfAndSts>`
          )}
        </OrgnlPmtInfAndSts>
      </CstmrPmtStsRpt></Document
    >`.markup

/** What was booked on the customer's account (camt.053). Its number says how far it goes. */
export const statementOf = (readTo: number, bookings: ReturnType<BankBook["Service"]["bookings"]>) =>
  html`<?xml version="1.0" encoding="UTF-8"?>
    <Document xmlns="${namespaceOf("camt.053.001.08")}"
      ><BkToCstmrStmt>
        <GrpHdr><MsgId>${readTo}</MsgId></GrpHdr>
        <Stmt
          ><Id>${readTo}</Id>
          ${bookings.map(({ id, reason, status, transfer: { amount, bankReference, currency } }) => {
            const isReturn = status === "returned"
            return html`<Ntry>
              <Amt Ccy="${currency}">${formatMajor(amount, currency)}</Amt>
              <CdtDbtInd>${isReturn ? "CRDT" : "DBIT"}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
              <AcctSvcrRef>${bankReference}</AcctSvcrRef>
              <NtryDtls
                ><TxDtls
                  ><Refs><EndToEndId>${withoutDashes(id)}</EndToEndId></Refs>
                  ${
                    isReturn
                      ? html`<RtrInf
                          ><Rsn><Cd>${reason ?? "MS03"}</Cd></Rsn></RtrInf
                        >`
                      : html``
                  }
                </TxDtls></NtryDtls
              >
            </Ntry>`
          })}
        </Stmt>
      </BkToCstmrStmt></Document
    >`.markup
