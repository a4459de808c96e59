import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Money } from "../../src/kernel/Money.ts"
import { capture, dispute, refund, surplusCapture, surplusRefund } from "../../src/ledger/postings.ts"
import type { DisputeStand } from "../../src/ledger/postings.ts"
import type { Leg } from "../../src/ledger/Transfer.ts"
import { AccountCode } from "../../src/ledger/Account.ts"
import { MerchantId } from "../../src/merchants/Merchant.ts"

const ours = { merchantId: null, channel: "stripe", isDirect: false }
const usd = (amount: number) => Money.of(amount, "USD")

const sumsOf = (postings: ReadonlyArray<ReadonlyArray<Leg>>) => {
  const sums = new Map<string, number>()
  for (const { account, amount, side } of postings.flat()) {
    sums.set(account, (sums.get(account) ?? 0) + (side === "debit" ? amount : -amount))
  }
  return new Map([...sums].filter(([, sum]) => sum !== 0))
}

const Stand = Schema.Struct({
  isLost: Schema.Boolean,
  withdrawn: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5000 }))),
  fees: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2000 })))
})
const stand = ({ fees, isLost, withdrawn }: typeof Stand.Type): DisputeStand => ({
  way: ours,
  isLost,
  withdrawn: withdrawn === null ? null : usd(withdrawn),
  fees: fees === null ? null : usd(fees)
})

describe("postings", () => {
  it("take back by a refund what a capture gave, also of a second capture", () => {
    assert.strictEqual(sumsOf([capture(ours, usd(5)), refund(ours, usd(5))]).size, 0)
    assert.strictEqual(sumsOf([surplusCapture(ours, usd(5)), surplusRefund(ours, usd(5))]).size, 0)
  })

  it("owe nobody what went into the merchant's own account", () => {
    const merchantId = MerchantId.make("0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77")
    const legs = capture({ channel: "stripe", isDirect: true, merchantId }, usd(5))
    assert.deepStrictEqual(
      legs.map(({ account }) => String(account)),
      [`${merchantId}:clearing:stripe:USD`, `${merchantId}:direct:USD`]
    )
  })

  it("charge the merchant for a dispute that is lost, and nobody for one that is won", () => {
    const open = stand({ isLost: false, withdrawn: 1000, fees: 1500 })
    const lost = { ...open, isLost: true }
    const won = stand({ isLost: false, withdrawn: 0, fees: 0 })
    assert.deepStrictEqual(Object.fromEntries(sumsOf([dispute(undefined, open), dispute(open, lost)])), {
      "platform:payable:USD": 1000,
      "platform:dispute_fees:USD": 1500,
      "platform:clearing:stripe:USD": -2500
    })
    assert.strictEqual(sumsOf([dispute(undefined, open), dispute(open, lost), dispute(lost, won)]).size, 0)
    assert.deepStrictEqual(dispute(open, open), [])
  })

  it.prop(
    "come to the same by whatever way a dispute went, each of them balanced",
    { stands: Schema.NonEmptyArray(Stand) },
    ({ stands }) => {
      const path = stands.map(stand)
      const postings = path.map((to, index) => dispute(path[index - 1], to))
      const last = path.at(-1)
      if (last === undefined) return
      assert.deepStrictEqual(sumsOf(postings), sumsOf([dispute(undefined, last)]))
      for (const legs of postings) {
        const total = legs.reduce((sum, { amount, side }) => sum + (side === "debit" ? amount : -amount), 0)
        assert.strictEqual(total, 0)
      }
    }
  )
})

describe("the code of an account", () => {
  it("is refused where it names no owner, kind or currency that there is", () => {
    const isCode = Schema.is(AccountCode)
    for (const text of ["platform:payable:CNY", "platform:clearing:wechatpay_v2:CNY"]) assert.isTrue(isCode(text))
    for (const text of [
      "payable:CNY",
      "platform:payable",
      "platform:gold:CNY",
      "platform:payable:XXX",
      "me:payable:CNY"
    ]) {
      assert.isFalse(isCode(text), text)
    }
    assert.isFalse(isCode("platform:wallet::CNY"))
    assert.isFalse(isCode("platform:wallet:a:b:CNY"))
  })
})
