import { Schema } from "effect"
import type { JsonWebKey, KeyObject } from "node:crypto"
import { createHmac, generateKeyPairSync, sign } from "node:crypto"

const Part = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))
const decodePart = Schema.decodeSync(Part)
const encodePart = Schema.encodeSync(Part)
type Claims = Schema.Schema.Type<typeof Part>

const toText = (part: string) => Buffer.from(part, "base64url").toString()
const toPart = (claims: Claims) => Buffer.from(encodePart(claims)).toString("base64url")

const signWith = (header: Claims, claims: Claims, signature: (input: Buffer) => Buffer) => {
  const input = `${toPart(header)}.${toPart(claims)}`
  return `${input}.${signature(Buffer.from(input)).toString("base64url")}`
}

const byKey = (key: KeyObject) => (input: Buffer) => sign(null, input, key)

/**
 * What an attacker makes of a good token, by the name of the trick. `publicKey` is one of `/.well-known/jwks.json`. Each claims what
 * the good one claims, or more.
 */
export const forgedFrom = (good: string, publicKey: JsonWebKey): Readonly<Record<string, string>> => {
  const [head = "", body = "", signature = ""] = good.split(".")
  const header = decodePart(toText(head))
  const claims = decodePart(toText(body))
  const more = { ...claims, roles: ["customer", "merchant", "admin"] }
  const ours = generateKeyPairSync("ed25519")
  const flipped = `${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`
  return {
    "whose claims were changed": `${head}.${toPart({ ...more, exp: Number(claims["exp"]) + 3600 })}.${signature}`,
    "whose signature was changed": `${head}.${body}.${flipped}`,
    "without a signature": `${head}.${body}.`,
    "of alg none": `${toPart({ ...header, alg: "none" })}.${toPart(more)}.`,
    "of alg none that keeps the signature": `${toPart({ ...header, alg: "nOnE" })}.${body}.${signature}`,
    "signed with the public key as a secret": signWith({ ...header, alg: "HS256" }, more, (input) =>
      createHmac("sha256", Buffer.from(publicKey.x ?? "", "base64url"))
        .update(input)
        .digest()
    ),
    "signed with another key under a known name": signWith(header, more, byKey(ours.privateKey)),
    "signed with a key of its own": signWith({ ...header, kid: "mine" }, more, byKey(ours.privateKey)),
    "that brings its key along": signWith(
      { ...header, jwk: { kty: "OKP", crv: "Ed25519", x: ours.publicKey.export({ format: "jwk" }).x ?? "" } },
      more,
      byKey(ours.privateKey)
    ),
    "that says where its key is": signWith(
      { ...header, jku: "http://127.0.0.1:1/jwks.json", x5u: "http://127.0.0.1:1/a.pem" },
      more,
      byKey(ours.privateKey)
    ),
    "whose key's name is a path": signWith({ ...header, kid: "../../dev/null" }, more, () => Buffer.alloc(64)),
    "whose key's name is SQL": signWith({ ...header, kid: "' OR '1'='1" }, more, byKey(ours.privateKey)),
    "of another type": signWith({ ...header, typ: "JWT" }, claims, byKey(ours.privateKey)),
    "that is no token": "abc.def.ghi",
    "that is a refresh token": "A".repeat(86)
  }
}
