import { sign, verify } from "node:crypto"
import type { ChannelRequest } from "../Channel.ts"
import type { AlipayKeys } from "./AlipayKeys.ts"

export type Parameters = Readonly<Record<string, string>>

/** What is signed: every parameter but the signature that is not empty, by name. */
const contentOf = (parameters: Parameters, left: ReadonlyArray<string>) =>
  Object.entries(parameters)
    .filter(([name, value]) => !left.includes(name) && value !== "")
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&")

/** The parameters of a request, of its address and of its form together. */
export const parametersOf = ({ body, target }: ChannelRequest): Parameters => {
  const query = new URL(target, "http://sandbox").searchParams
  return Object.fromEntries([...query, ...new URLSearchParams(body)])
}

/** Whether the merchant signed this request (RSA2). */
export const isSigned = (keys: AlipayKeys, parameters: Parameters) =>
  parameters["sign_type"] === "RSA2" &&
  verify(
    "sha256",
    Buffer.from(contentOf(parameters, ["sign"])),
    keys.merchantPublicKey,
    Buffer.from(parameters["sign"] ?? "", "base64")
  )

export const signText = (keys: AlipayKeys, text: string) =>
  sign("sha256", Buffer.from(text), keys.platformPrivateKey).toString("base64")

/** A notice's form, signed over all but `sign` and `sign_type`. */
export const signNotice = (keys: AlipayKeys, parameters: Parameters): Parameters => ({
  ...parameters,
  sign_type: "RSA2",
  sign: signText(keys, contentOf(parameters, ["sign", "sign_type"]))
})
