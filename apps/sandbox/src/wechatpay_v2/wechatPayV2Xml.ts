import { createCipheriv, createHash, createHmac } from "node:crypto"

export type Fields = Readonly<Record<string, string>>

const cdata = (text: string) => `<![CDATA[${text.replaceAll("]]>", "]]]]><![CDATA[>")}]]>`

export const toXml = (fields: Fields, root = "xml") =>
  `<${root}>${Object.entries(fields)
    .map(([name, value]) => `<${name}>${cdata(value)}</${name}>`)
    .join("")}</${root}>`

const unescaped: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" }

/** What merchants send: a flat document; anything else has no fields. */
export const fromXml = (xml: string): Fields => {
  const [, inner] = /^\s*(?:<\?xml[^?]*\?>)?\s*<xml>([\s\S]*)<\/xml>\s*$/.exec(xml) ?? []
  if (inner === undefined) return {}
  const entries = [...inner.matchAll(/<([a-z_0-9]+)>(?:<!\[CDATA\[([\s\S]*?)\]\]>|([^<]*))<\/\1>/g)].map(
    ([, name = "", raw, text = ""]) => [name, raw ?? text.replaceAll(/&(\w+);/g, (all, word) => unescaped[word] ?? all)]
  )
  return Object.fromEntries(entries)
}

/** The signature over all fields that are not empty but `sign`, by name, and the key. */
export const signatureOf = (fields: Fields, key: string, type = fields["sign_type"] ?? "MD5") => {
  const text = `${Object.entries(fields)
    .filter(([name, value]) => name !== "sign" && value !== "")
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&")}&key=${key}`
  const hash = type === "HMAC-SHA256" ? createHmac("sha256", key) : createHash("md5")
  return hash.update(text).digest("hex").toUpperCase()
}

/** What a refund's notice hides: AES-256-ECB under the MD5 of the key. */
export const encryptRefund = (fields: Fields, key: string) => {
  const cipher = createCipheriv("aes-256-ecb", createHash("md5").update(key).digest("hex"), null)
  return Buffer.concat([cipher.update(toXml(fields, "root")), cipher.final()]).toString("base64")
}
