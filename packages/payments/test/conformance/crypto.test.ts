import { anvilBinary } from "@mall/sandbox/crypto/Anvil"
import { Option } from "effect"
import { nearestAtChain } from "./cases/chain.ts"
import { lyingNodes } from "./cases/lyingNodes.ts"
import { channelConformance } from "./channelConformance.ts"

const unsigned = "a node signs no answers; TLS says whose they are"
const onlyReads = "a creation only reads the chain: without an answer there is no address, and the next one makes it"

// the chain is packaged for some platforms only
if (Option.isSome(anvilBinary(process.platform, process.arch))) {
  channelConformance({
    id: "crypto",
    method: "usdc",
    currency: "USDC",
    paidStates: ["paid"],
    decline: { status: 200, code: "none" },
    amountOnWire: ({ amount }) => `uint256=${amount}`,
    sealHeaders: [],
    // a creation asks how high the chain is, a close what came
    faultsAt: { create: "other", close: "query" },
    chain: {
      witness: { setting: "CRYPTO_WITNESS_URLS", path: "/witness" }
    },
    // each block is made by a program of its own
    slowness: 3,
    environment: { CRYPTO_CONFIRMATIONS: "3" },
    nearest: nearestAtChain,
    further: lyingNodes,
    notApplicable: {
      "zero-decimal currency": "takes USDC only",
      "three-decimal currency": "takes USDC only",
      "timeout after success": onlyReads,
      "timeout after failure": onlyReads,
      "query answered with another attempt's payment": "an attempt has its address from the start, and no other can",
      "creation answered with a forged signature": unsigned,
      "query answered with a forged signature": unsigned,
      "close answered with a forged signature": unsigned,
      "refund answered with a forged signature": unsigned,
      "refund query answered with a forged signature": unsigned,
      "notice with an unknown key": "a chain has no keys that could be others",
      "notice of a refund with another amount": "a chain tells of no refunds: each is asked about by its transactions",
      "notice of an unknown type": "no other event of the token is asked for"
    }
  })
}
