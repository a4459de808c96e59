import { BlockList, isIP, isIPv6 } from "node:net"

const familyOf = (address: string) => (isIPv6(address) ? "ipv6" : "ipv4")

/** Whether an address lies in one of `networks`, which have the form of `Network`; every address does where there are none. */
export const makeAllows = (networks: ReadonlyArray<string>): ((address: string | undefined) => boolean) => {
  if (networks.length === 0) return () => true
  const list = new BlockList()
  for (const network of networks) {
    const [address = "", bits] = network.split("/")
    const family = familyOf(address)
    list.addSubnet(address, bits === undefined ? (family === "ipv6" ? 128 : 32) : Number(bits), family)
  }
  return (address) => address !== undefined && isIP(address) !== 0 && list.check(address, familyOf(address))
}
