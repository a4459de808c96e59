import { createTestClient, defineChain, http, publicActions, walletActions } from "viem"
import type { Account, Address } from "viem"

/** `viem/chains` would bring the definitions of some seven hundred chains with it. */
const anvilAt = (url: string, id: number) =>
  defineChain({
    id,
    name: "Anvil",
    nativeCurrency: { decimals: 18, name: "Ether", symbol: "ETH" },
    rpcUrls: { default: { http: [url] } }
  })

/** Reads and writes the chain of the node at `url` as `account`, and says when it mines. Looks for blocks each 20 ms. */
export const anvilClient = <A extends Account | Address>(url: string, chainId: number, account: A) =>
  createTestClient({
    account,
    chain: anvilAt(url, chainId),
    mode: "anvil",
    pollingInterval: 20,
    transport: http(url)
  })
    .extend(publicActions)
    .extend(walletActions)
