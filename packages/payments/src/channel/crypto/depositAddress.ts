import { ECDH } from "node:crypto"
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

/** What a wallet reads to pay (EIP-681): `amount` in the token's smallest unit. */
export const paymentUri = (options: {
  readonly token: string
  readonly chainId: number
  readonly address: string
  readonly amount: number
}) => `ethereum:${options.token}@${options.chainId}/transfer?address=${options.address}&uint256=${options.amount}`
