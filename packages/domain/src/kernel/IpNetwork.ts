/** An address family's width in bits. */
type Width = 32 | 128

/** A network of IP addresses; one address is a network of its own. */
export interface IpNetwork {
  readonly width: Width
  /** How many leading bits all its addresses share. */
  readonly prefix: number
  /** The first address, as a number. */
  readonly base: bigint
}

export interface IpAddress {
  readonly width: Width
  readonly value: bigint
}

/** Longer texts are no address; nothing is done with them. */
const maxLength = 64

const parseFour = (text: string): bigint | undefined => {
  const parts = text.split(".")
  if (parts.length !== 4) return undefined
  let value = 0n
  for (const part of parts) {
    // a leading zero is octal to some and decimal to others
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = (value << 8n) | BigInt(part)
  }
  return value
}

/** The groups of one side of `::`, the last of which may be an address of IPv4. */
const groupsOf = (side: string): ReadonlyArray<bigint> | undefined => {
  if (side === "") return []
  const groups: Array<bigint> = []
  const parts = side.split(":")
  for (const [index, part] of parts.entries()) {
    const four = index === parts.length - 1 && part.includes(".") ? parseFour(part) : undefined
    if (four !== undefined) groups.push(four >> 16n, four & 0xffffn)
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`))
    else return undefined
  }
  return groups
}

const parseSix = (text: string): bigint | undefined => {
  const sides = text.split("::")
  if (sides.length > 2) return undefined
  const head = groupsOf(sides[0] ?? "")
  const tail = sides.length === 2 ? groupsOf(sides[1] ?? "") : []
  if (head === undefined || tail === undefined) return undefined
  const gap = 8 - head.length - tail.length
  if (sides.length === 2 ? gap < 1 : gap !== 0) return undefined
  const groups = [...head, ...Array.from({ length: gap }, () => 0n), ...tail]
  return groups.reduce((value, group) => (value << 16n) | group, 0n)
}

const mapped = 0xffffn

/** Reads an address of IPv4 or IPv6; one of IPv4 in the clothes of IPv6 (`::ffff:192.0.2.1`) is what it is. */
export const parseAddress = (text: string): IpAddress | undefined => {
  if (text.length > maxLength) return undefined
  if (!text.includes(":")) {
    const value = parseFour(text)
    return value === undefined ? undefined : { width: 32, value }
  }
  const value = parseSix(text.replace(/%.*$/, ""))
  if (value === undefined) return undefined
  return value >> 32n === mapped ? { width: 32, value: value & 0xffff_ffffn } : { width: 128, value }
}

const shiftOf = (width: Width, prefix: number) => BigInt(width - prefix)

/** Reads an address, or a network in CIDR form (`203.0.113.0/24`); bits beyond the prefix are dropped. */
export const parseNetwork = (text: string): IpNetwork | undefined => {
  const [address = "", suffix, ...rest] = text.split("/")
  const parsed = parseAddress(address)
  if (parsed === undefined || rest.length > 0) return undefined
  // the prefix of a mapped address counts from the wide address that was written
  const isMapped = parsed.width === 32 && address.includes(":")
  if (suffix !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(suffix)) return undefined
  const prefix = suffix === undefined ? parsed.width : Number(suffix) - (isMapped ? 96 : 0)
  if (prefix < 0 || prefix > parsed.width) return undefined
  const shift = shiftOf(parsed.width, prefix)
  return { width: parsed.width, prefix, base: (parsed.value >> shift) << shift }
}

export const contains = ({ base, prefix, width }: IpNetwork, address: IpAddress) => {
  const shift = shiftOf(width, prefix)
  return address.width === width && address.value >> shift === base >> shift
}

const formatSix = (value: bigint) =>
  Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16)).join(":")

const formatFour = (value: bigint) => [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".")

/** One text for each network, however it was written. */
export const formatNetwork = ({ base, prefix, width }: IpNetwork) =>
  `${width === 32 ? formatFour(base) : formatSix(base)}/${prefix}`
