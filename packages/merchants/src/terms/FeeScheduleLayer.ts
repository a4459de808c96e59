import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { feeOf, returnedBy } from "@mall/domain/merchants/feeOf"
import { FeeSchedule } from "@mall/domain/merchants/FeeSchedule"
import type { Captured, FeeMovement, GivenBack } from "@mall/domain/merchants/FeeSchedule"
import type { AttemptId } from "@mall/domain/payments/Payment"
import { calendarOf } from "@mall/domain/merchants/TimeZone"
import { inForce } from "@mall/domain/merchants/Version"
import { Effect, Layer } from "effect"
import { DisputeFees } from "./DisputeFees.ts"
import { FeePlans } from "./FeePlans.ts"
import { FeeRepo } from "./FeeRepo.ts"
import type { FeeRow, NewFeeRow, NewReturnRow, VolumeRow } from "./FeeRepo.ts"

/** Sums of a month stop there rather than keep a capture from being written. */
const sumOf = (a: number, b: number) => MinorUnits.make(Math.min(a + b, Number.MAX_SAFE_INTEGER))

const keyOf = ({ currency, merchantId, month }: Omit<VolumeRow, "amount">) => `${merchantId} ${currency} ${month}`

/** The port by which captures are charged. */
export const layerNoDeps = Layer.effect(
  FeeSchedule,
  Effect.gen(function* () {
    const disputes = yield* DisputeFees
    const plans = yield* FeePlans
    const repo = yield* FeeRepo

    const charge = Effect.fnUntraced(function* (captures: ReadonlyArray<Captured>) {
      const versions = yield* plans.all([...new Set(captures.map(({ merchantId }) => merchantId))])
      const planned = captures.flatMap((capture) => {
        const plan = inForce(versions.get(capture.merchantId) ?? [], capture.at)
        if (plan === undefined) return []
        const { month } = calendarOf(capture.at, plan.content.timeZone)
        const { amount, currency } = capture.money
        return [{ capture, plan, volume: { merchantId: capture.merchantId, currency, month, amount } }]
      })
      if (planned.length === 0) return []

      const added = new Map<string, VolumeRow>()
      for (const { volume } of planned) {
        const before = added.get(keyOf(volume))?.amount ?? 0
        added.set(keyOf(volume), { ...volume, amount: sumOf(before, volume.amount) })
      }
      const after = yield* repo.addVolumes([...added.values()])
      // what a month was before these captures, of which each then adds its own
      const volumes = new Map(
        after.map((row) => [keyOf(row), Math.max(0, row.amount - (added.get(keyOf(row))?.amount ?? 0))])
      )
      const rows = planned.map(({ capture, plan, volume }): NewFeeRow => {
        const before = volumes.get(keyOf(volume)) ?? 0
        volumes.set(keyOf(volume), sumOf(before, volume.amount))
        const { at, attemptId, channel, merchantId, money, paymentId } = capture
        return {
          ...{ attemptId, paymentId, merchantId, channel, at },
          ...{ currency: money.currency, amount: money.amount, planVersion: plan.version },
          ...feeOf(plan.content, channel, money, before)
        }
      })
      yield* repo.insert(rows)
      return rows
        .filter(({ fee }) => fee > 0)
        .map(({ attemptId, currency, fee, merchantId, paymentId, planVersion }): FeeMovement => ({
          ...{ cause: attemptId, paymentId, merchantId, planVersion },
          ...{ direction: "charged", money: Money.of(fee, currency) }
        }))
    })

    const giveBack = Effect.fnUntraced(function* (refunds: ReadonlyArray<GivenBack>) {
      const fees = new Map<string, FeeRow>(
        (yield* repo.lock([...new Set(refunds.map(({ attemptId }) => attemptId))])).map((row) => [row.attemptId, row])
      )
      const rows: Array<NewReturnRow> = []
      const movements: Array<FeeMovement> = []
      for (const { at, attemptId, money, refundId } of refunds) {
        const fee = fees.get(attemptId)
        if (fee === undefined) continue
        const refunded = MinorUnits.make(fee.refunded + money.amount)
        const returned = MinorUnits.make(returnedBy(fee.returnable, fee.amount, refunded))
        fees.set(attemptId, { ...fee, refunded, returned })
        const now = MinorUnits.make(returned - fee.returned)
        rows.push({ refundId, attemptId, amount: money.amount, fee: now, at })
        const { currency, merchantId, paymentId, planVersion } = fee
        if (now === 0) continue
        movements.push({
          ...{ cause: refundId, paymentId, merchantId, planVersion },
          ...{ direction: "returned", money: Money.of(now, currency) }
        })
      }
      if (rows.length > 0) yield* repo.giveBack(rows)
      return movements
    })

    const kept = Effect.fnUntraced(function* (captures: ReadonlyArray<Captured>) {
      const rows = yield* repo.kept(captures.map(({ attemptId }) => attemptId))
      const found = new Map<AttemptId, number | null>(rows.map((row) => [row.attemptId, row.kept]))
      const versions = yield* plans.all([...new Set(captures.map(({ merchantId }) => merchantId))])
      for (const { at, attemptId, merchantId } of captures) {
        const isPlanned = inForce(versions.get(merchantId) ?? [], at) !== undefined
        if (isPlanned && !found.has(attemptId)) found.set(attemptId, null)
      }
      return found
    })

    return FeeSchedule.of({
      kept,
      chargeDisputes: (cases, at) => disputes.charge(cases, at),
      keptOfDisputes: (cases) => disputes.kept(cases),
      charge: Effect.fn("FeeSchedule.charge")(function* (captures, refunds) {
        const charged = captures.length === 0 ? [] : yield* charge(captures)
        // after the captures, of which one may have been given back in the same transaction
        const returned = refunds.length === 0 ? [] : yield* giveBack(refunds)
        return [...charged, ...returned]
      })
    })
  })
)
