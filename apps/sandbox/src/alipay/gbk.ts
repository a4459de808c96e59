const [lowestLead, highestLead, lowestTrail, highestTrail] = [0x81, 0xfe, 0x40, 0xfe]

const makeTable = () => {
  const decoder = new TextDecoder("gbk")
  const table = new Map<string, readonly [number, number]>()
  for (let lead = lowestLead; lead <= highestLead; lead++) {
    for (let trail = lowestTrail; trail <= highestTrail; trail++) {
      const character = decoder.decode(Uint8Array.of(lead, trail))
      if ([...character].length === 1 && character !== "\uFFFD") table.set(character, [lead, trail])
    }
  }
  return table
}

let table: ReturnType<typeof makeTable> | undefined

/** Text in GBK; what it has no character for is a question mark, as Alipay's bills have it. */
export const encodeGbk = (text: string) => {
  table ??= makeTable()
  const bytes: Array<number> = []
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    bytes.push(...(code < 0x80 ? [code] : (table.get(character) ?? [0x3f])))
  }
  return Uint8Array.from(bytes)
}
