import { creationCodeOf, deploymentProxy, deploymentSalt, runtimeCodeOf } from "@mall/domain/payments/depositForwarders"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Clock, Context, DateTime, Duration, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { concatHex, formatEther, getContractAddress } from "viem"
import type { Address, Hex } from "viem"
import type { ChannelError } from "../ChannelError.ts"
import type { Making } from "../Making.ts"
import * as ChainClient from "./ChainClient.ts"
import { asAddress } from "./ChainReader.ts"
import { cryptoConfig } from "./CryptoConfig.ts"
import type { CryptoSettings } from "./CryptoConfig.ts"
import * as CryptoPayouts from "./CryptoPayouts.ts"
import { stored } from "./stored.ts"

/** The contract is on the chain. */
export const Deployment = Schema.Struct({
  /** `present`: it was there before, and nothing was sent. */
  outcome: Schema.Literals(["deployed", "present"]),
  chainId: Schema.Int,
  treasury: Schema.String,
  /** In lower case. */
  address: Schema.String,
  /** Of ours that made it; null where it was there before. */
  txHash: Schema.NullOr(Schema.String),
  /** The line that the configuration needs. */
  setting: Schema.String
})
export type Deployment = typeof Deployment.Type

/** The contract is not there, or not surely; `reason` is a sentence for who asked for it. */
export class NotDeployed extends Schema.TaggedError<NotDeployed>()("NotDeployed", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

/** It takes some 480,000; what is not used is not paid. */
const gas = 700_000

const between = Duration.seconds(1)
const refuse = (reason: string) => new NotDeployed({ reason })

const ofNode = ({ reason }: ChannelError, { chainId }: CryptoSettings) =>
  reason.code === "ANOTHER_CHAIN"
    ? refuse(`The node at CRYPTO_RPC_URL is not of chain ${chainId}, which CRYPTO_CHAIN_ID names.`)
    : reason.code === "DATABASE"
      ? refuse("The database does not answer; nothing was decided.")
      : refuse(`The node at CRYPTO_RPC_URL does not answer as it should (${reason.code}).`)

const Counted = Schema.Struct({ reverted: Schema.Int })

/** Makes the contract for one treasury, by a transaction of the wallet that is kept and sent like a gathering. */
const makeDeploy = Effect.fnUntraced(function* (settings: CryptoSettings, treasury: Address) {
  const sql = yield* SqlClient.SqlClient
  const audit = yield* makeAuditRecorder
  const chain = yield* ChainClient.make(settings)
  const payouts = yield* CryptoPayouts.make(settings, chain)
  const { chainId, maxFeePerGas, token } = settings
  const creation = creationCodeOf(treasury)
  const wanted = runtimeCodeOf(treasury)
  const prefix = `deploy:${chainId}:${treasury.toLowerCase()}:`
  const signer = yield* Effect.fromOption(asAddress(chain.walletAddress)).pipe(Effect.orDie)

  const selectReverted = SqlSchema.findAll({
    Request: Schema.Void,
    Result: Counted,
    execute: () => sql`
      SELECT count(*) AS reverted FROM payments.crypto_payouts AS p
      WHERE starts_with(p.key, ${prefix}) AND p.status = 'reverted'`
  })

  const present = (address: Address, txHash: string | null): Deployment => ({
    outcome: txHash === null ? "present" : "deployed",
    chainId,
    treasury: treasury.toLowerCase(),
    address: address.toLowerCase(),
    txHash,
    setting: `CRYPTO_FORWARDERS=${address.toLowerCase()}`
  })

  /** Whether it lies there, byte for byte. Something else at its address is nothing that could be used. */
  const liesAt = Effect.fnUntraced(function* (address: Address) {
    const code = yield* chain.codeAt(address)
    if (code === "0x") return false
    if (code.toLowerCase() === wanted) return true
    return yield* refuse(
      `What lies at ${address} is not the contract for the treasury ${treasury}; it must not be used.`
    )
  })

  /** Through the proxy its address is known from the start; else it follows from the number of the transaction that makes it. */
  const way = Effect.map(chain.codeAt(deploymentProxy), (code) => {
    if (code === "0x") {
      const addressOf = (nonce: number) => getContractAddress({ from: signer, nonce: BigInt(nonce) })
      return { recipient: null, call: creation, addressOf, known: undefined }
    }
    const known = getContractAddress({
      opcode: "CREATE2",
      from: deploymentProxy,
      salt: deploymentSalt,
      bytecode: creation
    })
    return { recipient: deploymentProxy, call: concatHex([deploymentSalt, creation]), addressOf: () => known, known }
  })

  const affordable = Effect.gen(function* () {
    const fee = (yield* chain.terms).maxFeePerGas
    if (fee > maxFeePerGas) {
      return yield* refuse("Gas costs more than CRYPTO_MAX_FEE_GWEI allows; nothing was sent.")
    }
    const [has, needs] = [yield* chain.coins, fee * BigInt(gas)]
    if (has < needs) {
      return yield* refuse(
        `The hot wallet ${signer} has ${formatEther(has)} coins for gas, and the deployment may take ${formatEther(needs)}.`
      )
    }
  })

  /** Once for a treasury, and again where the chain has reverted it; not while another call of the wallet is under way. */
  const plan = Effect.fnUntraced(function* (key: string, recipient: string | null, call: Hex) {
    const planned = yield* stored(
      sql.withTransaction(
        Effect.gen(function* () {
          const rows = yield* sql`
            INSERT INTO payments.crypto_payouts (key, chain_id, token, recipient, amount, status, call, gas, created_at)
            VALUES (${key}, ${chainId}, ${token}, ${recipient}, 0, 'pending', ${call}, ${gas}, ${yield* DateTime.nowAsDate})
            ON CONFLICT DO NOTHING RETURNING key`
          if (rows.length > 0) {
            yield* audit.record({
              action: "deposit_forwarders.deploy",
              resource: { type: "chain", id: `${chainId}` },
              after: { treasury }
            })
          }
          return rows.length
        })
      )
    )
    if (planned === 0 && Option.isNone(yield* payouts.find(key))) {
      return yield* refuse("Deposits are being gathered now; run it again in some minutes.")
    }
  })

  /** Brings it on until it lies there, at most so long. Workers bring it on as well. */
  const carryOut = Effect.fnUntraced(function* (
    key: string,
    addressOf: (nonce: number) => Address,
    patience: Duration.Duration
  ) {
    const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(patience)
    while (true) {
      const payout = yield* payouts.advance(key)
      if (payout?.status === "reverted") return yield* refuse(`The chain reverted ${payout.txHash}; run it again.`)
      if (payout !== undefined && payout.nonce !== null && payout.txHash !== null) {
        const address = addressOf(payout.nonce)
        if (yield* liesAt(address)) return present(address, payout.txHash)
        if (payout.status === "confirmed")
          return yield* refuse(`${payout.txHash} is final, and made nothing at ${address}.`)
      }
      if ((yield* Clock.currentTimeMillis) >= until) {
        return yield* refuse(
          payout === undefined || payout.txHash === null
            ? "It is not sent yet, and goes out when the wallet can; run it again to see."
            : `${payout.txHash} is sent and not mined yet; run it again to see.`
        )
      }
      yield* Effect.sleep(between)
    }
  })

  return Effect.fnUntraced(
    function* (patience: Duration.Duration) {
      yield* chain.head
      const configured = settings.forwarders === null ? Option.none() : asAddress(settings.forwarders)
      if (Option.isSome(configured) && (yield* chain.codeAt(configured.value)).toLowerCase() === wanted) {
        return present(configured.value, null)
      }
      const { addressOf, call, known, recipient } = yield* way
      if (known !== undefined && (yield* liesAt(known))) return present(known, null)
      const [counted] = yield* stored(selectReverted())
      const key = `${prefix}${counted?.reverted ?? 0}`
      const earlier = Option.getOrUndefined(yield* payouts.find(key))
      if (earlier !== undefined && earlier.nonce !== null) {
        const address = addressOf(earlier.nonce)
        if (yield* liesAt(address)) return present(address, null)
      }
      if (earlier === undefined) {
        yield* affordable
        yield* plan(key, recipient, call)
      }
      return yield* carryOut(key, addressOf, patience)
    },
    Effect.catchTag("ChannelError", (error) => Effect.fail(ofNode(error, settings)))
  )
})

/** Puts the contract on the chain that gathers deposits for the configured treasury (`DepositForwarders.sol`). */
export class CryptoDeployment extends Context.Service<
  CryptoDeployment,
  {
    /**
     * Once: where it lies already nothing is sent. Waits at most `patience` until it is mined; whoever runs it again goes on
     * with the same transaction.
     */
    deploy(patience: Duration.Duration): Effect.Effect<Deployment, NotDeployed>
  }
>()("@mall/payments/channel/crypto/CryptoDeployment") {
  /** Reads the configuration of the channel. Needs what an adapter is made of. */
  static readonly layer = Layer.effect(
    CryptoDeployment,
    Effect.gen(function* () {
      const context = yield* Effect.context<Making>()
      const settings = yield* cryptoConfig
      return CryptoDeployment.of({
        deploy: Effect.fn("CryptoDeployment.deploy")(function* (patience) {
          if (Option.isNone(settings)) {
            return yield* refuse("The channel crypto is not configured: set CRYPTO_XPUB, or run the sandbox.")
          }
          const treasury = Option.fromNullOr(settings.value.treasury).pipe(Option.flatMap(asAddress))
          if (Option.isNone(treasury)) {
            return yield* refuse("CRYPTO_TREASURY is not set: the address that deposits are to go to, for ever.")
          }
          const deploy = yield* Effect.orDie(makeDeploy(settings.value, treasury.value))
          return yield* deploy(patience)
        }, Effect.provideContext(context))
      })
    })
  )
}
