import { Config, Duration, Effect, Option, Redacted, Schema } from "effect"
import { sandboxMerchant, sandboxUrl } from "../channelConfig.ts"

const Address = Schema.String.check(Schema.isPattern(/^0x[0-9a-fA-F]{40}$/))
const ChainId = Schema.Int.check(Schema.isGreaterThan(0))
const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))

const Gwei = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))

const Units = Schema.Int.check(Schema.isGreaterThan(0))

/** The chain, the token on it, and the keys of the shop. */
export interface CryptoSettings {
  readonly rpcUrl: string
  readonly chainId: number
  /** Nodes of somebody else, that have to tell the same before money that came is believed. */
  readonly witnessUrls: ReadonlyArray<string>
  /** An address to which less came in all, in the token's smallest unit, is believed without them; 0: none is. */
  readonly witnessFrom: number
  /** In lower case. */
  readonly token: string
  /** The extended public key below which each try has its address: who reads it sees what comes, and can take nothing. */
  readonly xpub: Redacted.Redacted
  /** The contract whose addresses new tries have, and that gathers from them, in lower case; null: they are below `xpub`. */
  readonly forwarders: string | null
  /** Where a contract that is deployed sends on to, in lower case. What lies on the chain says where ours does. */
  readonly treasury: string | null
  /** What lies at an address is gathered from so many of the token's smallest units on: less is not worth its gas. */
  readonly gatherFrom: number
  /** Sends refunds and returns out of its own tokens and pays their gas. */
  readonly hotWalletKey: Redacted.Redacted
  /** Blocks, its own among them, after which a transfer is believed. */
  readonly confirmations: number
  /** Blocks that one question about logs covers; providers refuse more. */
  readonly blockRange: number
  /** How long a transfer may wait to be mined before it is signed again at a higher price. */
  readonly repriceAfter: Duration.Duration
  /** The most that is offered for a unit of gas, in wei: what would cost more waits. */
  readonly maxFeePerGas: bigint
  /** How long after its creation an address is still looked at. */
  readonly watch: Duration.Duration
  readonly timeout: Duration.Duration
}

const MerchantFile = Schema.Struct({
  chainId: ChainId,
  token: Address,
  xpub: Schema.String,
  hotWalletKey: Schema.String,
  treasury: Schema.optionalKey(Address),
  forwarders: Schema.optionalKey(Address)
})

const addressOf = (name: string) =>
  Config.option(Config.schema(Address, name)).pipe(
    Config.map((address) => Option.getOrNull(Option.map(address, (text) => text.toLowerCase())))
  )

const Common = Config.all({
  witnessUrls: Config.String("CRYPTO_WITNESS_URLS").pipe(
    Config.withDefault(""),
    Config.map((urls) => urls.split(/[\s,]+/).filter((url) => url !== ""))
  ),
  witnessFrom: Config.schema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)), "CRYPTO_WITNESS_FROM").pipe(
    Config.withDefault(0)
  ),
  forwarders: addressOf("CRYPTO_FORWARDERS"),
  treasury: addressOf("CRYPTO_TREASURY"),
  gatherFrom: Config.schema(Units, "CRYPTO_GATHER_FROM").pipe(Config.withDefault(5_000_000)),
  confirmations: Config.schema(Count, "CRYPTO_CONFIRMATIONS").pipe(Config.withDefault(12)),
  blockRange: Config.schema(Count, "CRYPTO_BLOCK_RANGE").pipe(Config.withDefault(1_000)),
  repriceAfter: Config.Duration("CRYPTO_REPRICE_AFTER").pipe(Config.withDefault(Duration.minutes(3))),
  maxFeePerGas: Config.schema(Gwei, "CRYPTO_MAX_FEE_GWEI").pipe(
    Config.withDefault(500),
    Config.map((gwei) => BigInt(gwei) * 1_000_000_000n)
  ),
  watch: Config.Duration("CRYPTO_WATCH").pipe(Config.withDefault(Duration.days(90))),
  timeout: Config.Duration("CRYPTO_TIMEOUT").pipe(Config.withDefault(Duration.seconds(10)))
})

const Merchant = Config.all({
  rpcUrl: Config.String("CRYPTO_RPC_URL"),
  chainId: Config.schema(ChainId, "CRYPTO_CHAIN_ID"),
  token: Config.schema(Address, "CRYPTO_TOKEN"),
  xpub: Config.Redacted("CRYPTO_XPUB"),
  hotWalletKey: Config.Redacted("CRYPTO_HOT_WALLET_KEY")
})

/** The sandbox's chain has the contract from the start. */
const fromSandbox = Effect.gen(function* () {
  const merchant = yield* sandboxMerchant("crypto", MerchantFile)
  if (Option.isNone(merchant)) return Option.none()
  const { chainId, forwarders, hotWalletKey, token, treasury, xpub } = merchant.value
  return Option.some({
    rpcUrl: yield* Config.String("CRYPTO_RPC_URL").pipe(
      Config.orElse(() => Config.map(sandboxUrl("crypto"), (url) => `${url}rpc`))
    ),
    chainId,
    token,
    xpub: Redacted.make(xpub),
    hotWalletKey: Redacted.make(hotWalletKey),
    forwarders: forwarders?.toLowerCase() ?? null,
    treasury: treasury?.toLowerCase() ?? null
  })
})

/** The shop's keys and chain: of the environment where `CRYPTO_XPUB` is set, else of the sandbox, else none. */
export const cryptoConfig = Effect.gen(function* () {
  const common = yield* Common
  const given = yield* Config.option(Config.Redacted("CRYPTO_XPUB"))
  const merchant = Option.isSome(given)
    ? Option.some({ ...(yield* Merchant), forwarders: null, treasury: null })
    : yield* fromSandbox
  return Option.map(merchant, (settings): CryptoSettings => ({
    ...common,
    ...settings,
    token: settings.token.toLowerCase(),
    forwarders: common.forwarders ?? settings.forwarders,
    treasury: common.treasury ?? settings.treasury
  }))
})
