import { createHmac, createSecretKey, hkdfSync } from "node:crypto"
import type { KeyRing } from "./KeyRing.ts"

/** What a sealed value is found by: the same for the same value and key, and nothing to who has no key. */
export interface IndexEntry {
  readonly keyId: string
  readonly digest: Uint8Array
}

/** The entries of one value, one for each key of the ring. */
export type BlindIndex = (text: string) => ReadonlyArray<IndexEntry>

/** The digest of what the pieces make together, under one key of the ring; undefined where that is not in it. */
export type KeyedDigest = (keyId: string, ...pieces: ReadonlyArray<string | Uint8Array>) => Uint8Array | undefined

/**
 * HMAC-SHA256 under keys that are derived (HKDF) from those of the ring, other ones for each purpose: what two purposes digest is
 * not to be joined, and no key that seals is used for anything else.
 */
export const keyedDigest = (ring: KeyRing, purpose: string): KeyedDigest => {
  const keys = new Map(
    Array.from(ring.byId, ([keyId, key]) => {
      const derived = new Uint8Array(hkdfSync("sha256", key, "", `mall/blind-index/${purpose}`, 32))
      return [keyId, createSecretKey(derived)]
    })
  )
  return (keyId, ...pieces) => {
    const key = keys.get(keyId)
    if (key === undefined) return undefined
    const hmac = createHmac("sha256", key)
    for (const piece of pieces) hmac.update(piece)
    return hmac.digest()
  }
}

export const blindIndex = (ring: KeyRing, purpose: string): BlindIndex => {
  const digestOf = keyedDigest(ring, purpose)
  return (text) =>
    Array.from(ring.byId.keys()).flatMap((keyId) => {
      const digest = digestOf(keyId, text)
      return digest === undefined ? [] : [{ keyId, digest }]
    })
}
