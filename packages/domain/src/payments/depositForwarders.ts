import { bytecode, immutables, runtime } from "./depositForwardersCode.ts"

type Hex = `0x${string}`

/** An address as the chain's calls carry it: 32 bytes, right-aligned. */
const wordOf = (address: string) => address.slice(2).toLowerCase().padStart(64, "0")

/**
 * What creates the contract of `contracts/DepositForwarders.sol` that sends on to `treasury`, an address of `0x` and 40 hexadecimal
 * digits: its code, and the treasury as its argument.
 */
export const creationCodeOf = (treasury: string): Hex => `0x${bytecode.slice(2)}${wordOf(treasury)}`

/** What lies at the contract's address then, byte for byte. */
export const runtimeCodeOf = (treasury: string): Hex =>
  immutables.reduce<Hex>(
    (code, at) => `0x${code.slice(2, 2 + 2 * at)}${wordOf(treasury)}${code.slice(2 + 2 * (at + 32))}`,
    `0x${runtime.slice(2)}`
  )

/** Where the contract sends on to, in lower case, by the code that lies at its address; null where that is another contract. */
export const treasuryOf = (code: string): string | null => {
  const [at = 0] = immutables
  const treasury = `0x${code.slice(2 + 2 * (at + 12), 2 + 2 * (at + 32)).toLowerCase()}`
  return runtimeCodeOf(treasury) === code.toLowerCase() ? treasury : null
}

/**
 * The contract at this address of many chains that creates what it is sent, 32 bytes of salt before it, at an address that
 * depends on nothing else (https://github.com/Arachnid/deterministic-deployment-proxy).
 */
export const deploymentProxy = "0x4e59b44847b379578588920ca78fbf26c0b4956c"

/** The salt that ours is created with: the same treasury has the same contract at the same address. */
export const deploymentSalt: Hex = `0x${"0".repeat(64)}`
