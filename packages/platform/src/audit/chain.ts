import type { AuditEntry } from "@mall/domain/operations/Audit"
import { Schema } from "effect"
import { createHash } from "node:crypto"

/** What stands before the first link. */
export const genesis: Uint8Array = new Uint8Array(32)

const encode = Schema.encodeUnknownSync(Schema.fromJsonString(Schema.Unknown))

/**
 * One text for one value, whatever order a store keeps the keys of an object in: by their code units. The sign before each
 * key keeps those that look like numbers in that order too.
 */
const canonical = (value: unknown): unknown => {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, each]) => [`=${name}`, canonical(each)]))
}

/** The link at `position`: SHA-256 over the link before it and the whole of the entry. */
export const linkOf = (previous: Uint8Array, position: number, entry: AuditEntry): Uint8Array =>
  createHash("sha256")
    .update(previous)
    .update(encode([position, canonical(entry)]))
    .digest()
