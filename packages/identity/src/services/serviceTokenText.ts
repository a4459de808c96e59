import { createHash } from "node:crypto"

const shape = /^mst_[A-Za-z0-9_-]{43}$/

/** A token as it is sent: `secret` is 256 bits in base64url; scanners of leaked secrets find it by what stands before. */
export const textOf = (secret: string) => `mst_${secret}`

export const isServiceToken = (text: string) => shape.test(text)

export const hashOf = (token: string) => new Uint8Array(createHash("sha256").update(token).digest())
