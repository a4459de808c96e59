import type { DocumentType } from "@mall/domain/merchants/Document"

const bytesOf = (text: string) => Buffer.from(text, "latin1")

const pdf = bytesOf("%PDF-")
const png = bytesOf("\x89PNG\r\n\x1a\n")
const jpeg = bytesOf("\xff\xd8\xff")
const imageEnd = bytesOf("\0\0\0\0IEND\xaeB`\x82")

const starts: Readonly<Record<DocumentType, Buffer>> = {
  "application/pdf": pdf,
  "image/png": png,
  "image/jpeg": jpeg
}

/** Readers of PDF look for its beginning as far as here. */
const pdfSearch = 1024

const startsWith = (bytes: Buffer, start: Buffer) => bytes.subarray(0, start.length).equals(start)
const endsWith = (bytes: Buffer, end: Buffer) => bytes.subarray(-end.length).equals(end)

/** A PDF ends with its mark and blanks: what stands after it is another file's. */
const endsAsPdf = (bytes: Buffer) => {
  const end = bytes.lastIndexOf("%%EOF")
  return end !== -1 && /^\s*$/.test(bytes.subarray(end + 5).toString("latin1"))
}

/** Where the picture of a PNG ends, by its chunks; -1 where they make no sense. */
const endOfPng = (bytes: Buffer) => {
  let at = png.length
  while (at + 12 <= bytes.length) {
    const next = at + 12 + bytes.readUInt32BE(at)
    if (bytes.toString("latin1", at + 4, at + 8) === "IEND") return next
    at = next
  }
  return -1
}

const isWhole: Readonly<Record<DocumentType, (bytes: Buffer) => boolean>> = {
  "application/pdf": endsAsPdf,
  "image/png": (bytes) => endsWith(bytes, imageEnd) && endOfPng(bytes) === bytes.length,
  "image/jpeg": (bytes) => endsWith(bytes, bytesOf("\xff\xd9"))
}

/**
 * What is wrong with a file that is said to be of a type: `type` where its first bytes say otherwise, `structure` where it is not
 * whole, goes on after its end, or is a PDF besides. A browser never shows these files, so this is the second wall, not the first.
 */
export const documentFault = (mediaType: DocumentType, content: Uint8Array): "type" | "structure" | undefined => {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  if (!startsWith(bytes, starts[mediaType])) return "type"
  const isPdfBesides = mediaType !== "application/pdf" && bytes.subarray(0, pdfSearch).includes(pdf)
  return isPdfBesides || !isWhole[mediaType](bytes) ? "structure" : undefined
}
