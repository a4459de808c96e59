import { sign } from "node:crypto"
import type { KeyObject } from "node:crypto"

/** One element of DER: its tag, its length and what it holds. */
const element = (tag: number, ...parts: ReadonlyArray<Uint8Array>) => {
  const content = Buffer.concat(parts)
  const size = content.length
  if (size < 0x80) return Buffer.concat([Buffer.from([tag, size]), content])
  const bytes = Buffer.from(size.toString(16).padStart(size < 0x100 ? 2 : 4, "0"), "hex")
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length]), bytes, content])
}

const sequence = (...parts: ReadonlyArray<Uint8Array>) => element(0x30, ...parts)
const hex = (text: string) => Buffer.from(text, "hex")

const sha256WithRsa = sequence(element(0x06, hex("2a864886f70d01010b")), element(0x05))
const commonName = element(0x06, hex("550403"))
const nameOf = (text: string) => sequence(element(0x31, sequence(commonName, element(0x0c, Buffer.from(text)))))

/** The form for years before 2050, which has two digits for the year. */
const timeOf = (date: Date) =>
  element(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replaceAll(/[-:T]/g, "")}Z`))

/** A certificate (X.509, PEM) that signs itself. `serial` is hexadecimal, its first digit below 8, as a positive number has. */
export const selfSigned = (options: {
  readonly serial: string
  readonly name: string
  readonly from: Date
  readonly until: Date
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}) => {
  const name = nameOf(options.name)
  const content = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, hex(options.serial)),
    sha256WithRsa,
    name,
    sequence(timeOf(options.from), timeOf(options.until)),
    name,
    options.publicKey.export({ type: "spki", format: "der" })
  )
  const signature = sign("sha256", content, options.privateKey)
  const certificate = sequence(content, sha256WithRsa, element(0x03, Buffer.from([0]), signature))
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? []
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n")
}
