import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { DateTime, Duration, Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { encodeFunctionData, parseAbi } from "viem"
import type { CryptoSettings } from "./CryptoConfig.ts"
import { saltOf } from "./depositAddress.ts"
import { stored } from "./stored.ts"
import { asAddress } from "./ChainReader.ts"

const Ripe = Schema.Struct({
  address: Schema.String,
  index: Schema.Int,
  amount: Schema.BigIntFromString,
  /** Transactions that the token refused, with this address among others or alone. */
  reverted: Schema.Int
})

/** The making of what lies at an address, and the transfer. What is not used is not paid. */
const gasOfEach = 400_000
const gasOfAll = 60_000

const batch = 50
const abi = parseAbi(["function gather(address token, bytes32[] salts)"])
const newId = generator(Uuid7.pipe(Schema.brand("CryptoGatheringId")))

/**
 * Sends what lies at addresses on to the treasury, many in one transaction of the wallet, which is a payout like a refund: its
 * bytes are kept before they are sent, and signed anew where they hang. The contract knows one treasury, so that nothing that
 * stands here can send the tokens anywhere else. Only what is final and decided about is gathered, once refunds are done; one
 * gathering is under way at a time. Addresses of a gathering that was reverted are tried alone, and left to a person after that.
 */
export const make = Effect.fnUntraced(function* (settings: CryptoSettings) {
  const sql = yield* SqlClient.SqlClient
  const { chainId, gatherFrom, forwarders, token, watch } = settings

  const lockCursor = SqlSchema.findAll({
    Request: Schema.Void,
    Result: Schema.Struct({ blockNumber: Schema.Int }),
    execute: () => sql`
      SELECT c.block_number AS "blockNumber" FROM payments.crypto_cursors AS c
      WHERE c.chain_id = ${chainId} AND c.token = ${token} FOR UPDATE`
  })
  const selectOpen = SqlSchema.findAll({
    Request: Schema.Void,
    Result: Schema.Struct({ key: Schema.String }),
    execute: () => sql`
      SELECT p.key FROM payments.crypto_payouts AS p
      WHERE p.chain_id = ${chainId} AND p.status IN ('pending', 'signed') LIMIT 1`
  })
  const selectRipe = SqlSchema.findAll({
    Request: Schema.Date,
    Result: Ripe,
    execute: (since) => sql`
      SELECT d.address, d.derivation_index AS index, (came.amount - gathered.amount)::text AS amount, gathered.reverted::int AS reverted
      FROM payments.crypto_deposits AS d
      JOIN LATERAL (
        SELECT sum(t.amount) AS amount, bool_and(t.disposition IS NOT NULL AND t.vanished_at IS NULL) AS is_decided
        FROM payments.crypto_transfers AS t
        WHERE t.recipient = d.address AND t.chain_id = d.chain_id AND t.token = d.token
      ) AS came ON came.is_decided
      JOIN LATERAL (
        SELECT coalesce(sum(g.amount) FILTER (WHERE p.status = 'confirmed'), 0) AS amount,
          count(*) FILTER (WHERE p.status = 'reverted') AS reverted
        FROM payments.crypto_gathered AS g JOIN payments.crypto_payouts AS p ON p.key = g.key
        WHERE g.address = d.address
      ) AS gathered ON gathered.reverted < 2
      WHERE d.forwarders = ${forwarders} AND d.chain_id = ${chainId} AND d.token = ${token} AND d.created_at >= ${since}
        AND came.amount - gathered.amount >= ${gatherFrom}
      ORDER BY gathered.reverted DESC, came.amount - gathered.amount DESC LIMIT ${batch}`
  })

  const plan = Effect.gen(function* () {
    // the lock first: whoever comes second sees what the first has planned
    const [cursor] = yield* lockCursor()
    const contract = asAddress(token)
    if (cursor === undefined || forwarders === null || contract._tag === "None") return 0
    if ((yield* selectOpen()).length > 0) return 0
    const now = yield* DateTime.nowAsDate
    const ripe = yield* selectRipe(new Date(now.getTime() - Duration.toMillis(watch)))
    const chosen = ripe[0] !== undefined && ripe[0].reverted > 0 ? ripe.slice(0, 1) : ripe
    if (chosen.length === 0) return 0
    const key = `gather:${yield* newId}`
    const salts = chosen.map(({ index }) => saltOf(index))
    const call = encodeFunctionData({ abi, functionName: "gather", args: [contract.value, salts] })
    const total = chosen.reduce((sum, { amount }) => sum + amount, 0n)
    yield* sql`
      INSERT INTO payments.crypto_payouts (key, chain_id, token, recipient, amount, status, call, gas, created_at)
      VALUES (${key}, ${chainId}, ${token}, ${forwarders}, ${total.toString()}::numeric, 'pending', ${call},
        ${gasOfAll + gasOfEach * chosen.length}, ${now})`
    yield* Effect.forEach(
      chosen,
      ({ address, amount }) =>
        sql`INSERT INTO payments.crypto_gathered (key, address, amount) VALUES (${key}, ${address}, ${amount.toString()}::numeric)`,
      { discard: true }
    )
    yield* Effect.logInfo("deposits are gathered").pipe(
      Effect.annotateLogs({ key, addresses: chosen.length, amount: `${total}` })
    )
    return chosen.length
  })

  /** Plans the next gathering, which goes out with the other payouts; answers with how many addresses it is of. */
  return forwarders === null ? undefined : stored(sql.withTransaction(plan))
})
