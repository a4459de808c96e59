import { createHmac, createSecretKey, hkdfSync } from "node:crypto"
import type { KeyRing } from "./KeyRing.ts"

/** What a sealed value is found by: the same for the same value and key, and nothing to who has no key. */
export interface IndexEntry {
  readonly keyId: string
  readonly digest: Uint8Array
}

/** The entries of one value, one for each key of the ring. */
export type BlindIndex = (text: string) => ReadonlyArray<IndexEntry>

/**
 * HMAC-SHA256 under keys that are derived (HKDF) from those of the ring, other ones for each purpose: what two purposes index is
 * not to be joined, and no key that seals is used for anything else.
 */
export const blindIndex = (ring: KeyRing, purpose: string): BlindIndex => {
  const keys = Array.from(ring.byId, ([keyId, key]) => {
    const derived = new Uint8Array(hkdfSync("sha256", key, "", `mall/blind-index/${purpose}`, 32))
    return { keyId, key: createSecretKey(derived) }
  })
  return (text) =>
    keys.map(({ key, keyId }) => ({ keyId, digest: createHmac("sha256", key).update(text, "utf8").digest() }))
}
