import { Kdf } from "effect/crypto"

/** An Argon2id hash with everything needed to compute it again. */
export interface PasswordHash {
  readonly algorithm: Kdf.Argon2id
  readonly salt: Uint8Array
  readonly hash: Uint8Array
}

const pattern = /^\$argon2id\$v=19\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,8})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

const toText = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64").replaceAll("=", "")

/** The PHC string format, as every Argon2 library reads and writes it: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. */
export const encode = ({ algorithm, salt, hash }: PasswordHash) =>
  `$argon2id$v=19$m=${algorithm.memory},t=${algorithm.passes},p=${algorithm.parallelism}$${toText(salt)}$${toText(hash)}`

export const decode = (text: string): PasswordHash | undefined => {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [, memory, passes, parallelism, salt = "", hash = ""] = match
  return {
    algorithm: Kdf.argon2id({ memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }),
    salt: new Uint8Array(Buffer.from(salt, "base64")),
    hash: new Uint8Array(Buffer.from(hash, "base64"))
  }
}
