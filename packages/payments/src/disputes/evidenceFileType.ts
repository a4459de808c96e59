import type { EvidenceFileType } from "@mall/domain/payments/Dispute"

const signatures: ReadonlyArray<readonly [EvidenceFileType, ReadonlyArray<number>]> = [
  ["application/pdf", [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]]
]

/** What the bytes say that they are; undefined where it is nothing that a bank reads. */
export const evidenceFileType = (bytes: Uint8Array): EvidenceFileType | undefined =>
  signatures.find(([, signature]) => signature.every((byte, index) => bytes[index] === byte))?.[0]
