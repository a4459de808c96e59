import { createHash } from "node:crypto"
import type { KeyedDigest } from "./sealing/blindIndex.ts"

const base64 = (digest: Uint8Array) => Buffer.from(digest).toString("base64url")

/**
 * What tells one request from another, and tells nothing of it to who has no key: the id of the key, a dot, and the digest under
 * that key.
 */
export interface RequestHash {
  readonly text: string
  /** Whether `stored` is of the same request: under another key that is here, or, of before there were keys, under none. */
  readonly isOf: (stored: string) => boolean
}

/** Digests under another key than the one of now are made only where they are asked for. */
export const requestHash = (
  digestOf: KeyedDigest,
  currentId: string,
  pieces: ReadonlyArray<string | Uint8Array>
): RequestHash => {
  const under = (keyId: string) => {
    const digest = digestOf(keyId, ...pieces)
    return digest === undefined ? undefined : `${keyId}.${base64(digest)}`
  }
  const plain = () => {
    const hash = createHash("sha256")
    for (const piece of pieces) hash.update(piece)
    return base64(hash.digest())
  }
  const text = under(currentId)
  // a ring has its current key
  if (text === undefined) throw new Error(`There is no key ${currentId}`)
  return {
    text,
    isOf: (stored) => {
      const dot = stored.indexOf(".")
      return stored === text || stored === (dot < 0 ? plain() : under(stored.slice(0, dot)))
    }
  }
}
