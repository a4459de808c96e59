import { ECDH } from "node:crypto"
import { getContractAddress, numberToHex } from "viem"
import type { Address, Hex } from "viem"
import { HDKey, publicKeyToAddress } from "viem/accounts"

/** The addresses below an extended public key, by index: `0/<index>`, in lower case. Throws where the key is none. */
export const depositAddresses = (xpub: string) => {
  const receiving = HDKey.fromExtendedKey(xpub).deriveChild(0)
  return (index: number): string => {
    const { publicKey } = receiving.deriveChild(index)
    if (publicKey === null) throw new Error(`no public key at index ${index}`)
    const whole = ECDH.convertKey(publicKey, "secp256k1", undefined, "hex", "uncompressed")
    return publicKeyToAddress(`0x${Buffer.from(whole).toString()}`).toLowerCase()
  }
}

/** Of the code that `DepositForwarders.sol` puts at an address: another one would be at another address. */
const forwarderCodeHash: Hex = "0xa0c76573cbab2576bc1b08aa19a9d7208b1384cc4bf84a574182805e5e7c82f3"

/** What an address by the contract is told apart by. */
export const saltOf = (index: number): Hex => numberToHex(index, { size: 32 })

/** The addresses that the contract gathers from, by index, in lower case: nobody has a key of one. */
export const forwarderAddresses = (forwarders: Address) => (index: number) =>
  getContractAddress({
    opcode: "CREATE2",
    from: forwarders,
    salt: saltOf(index),
    bytecodeHash: forwarderCodeHash
  }).toLowerCase()

/** What a wallet reads to pay (EIP-681): `amount` in the token's smallest unit. */
export const paymentUri = (options: {
  readonly token: string
  readonly chainId: number
  readonly address: string
  readonly amount: number
}) => `ethereum:${options.token}@${options.chainId}/transfer?address=${options.address}&uint256=${options.amount}`
