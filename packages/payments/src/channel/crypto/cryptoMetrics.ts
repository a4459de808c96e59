import { Effect, Metric } from "effect"

type Kind = "deployment" | "gathering" | "transfer"

const payouts = (kind: Kind, outcome: "confirmed" | "reverted") =>
  Metric.counter("crypto_payouts", {
    description: "Transactions of the wallet that the chain has decided about, by what they do and how they ended",
    incremental: true,
    attributes: { kind, outcome }
  })
const gas = Metric.counter("crypto_gas_gwei", {
  description: "What the wallet's transactions cost, in billionths of the chain's coin",
  incremental: true
})

/** A transaction of ours is final; `cost` in the smallest unit of the chain's coin. */
export const countPayout = (kind: Kind, outcome: "confirmed" | "reverted", cost: bigint) =>
  Effect.andThen(Metric.update(payouts(kind, outcome), 1), Metric.update(gas, Number(cost / 1_000_000_000n)))

const differing = Metric.gauge("crypto_witness_differing", {
  description: "Transfers about which our node and a witness do not agree, by the last look"
})
const behind = Metric.gauge("crypto_witness_behind_blocks", {
  description: "Final blocks that a witness cannot speak of yet, by the last look"
})

/** How the nodes of the chain stood to each other when it was last looked at. */
export const showWitnesses = (differences: number, blocks: number) =>
  Effect.andThen(Metric.update(differing, differences), Metric.update(behind, blocks))
