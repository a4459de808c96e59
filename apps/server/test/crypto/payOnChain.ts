import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { ChannelId } from "@mall/domain/payments/Payment"
import { Effect } from "effect"
import { eventually } from "../shoppers.ts"
import type { signIn } from "../shoppers.ts"
import type { LocalChain } from "./localChain.ts"

type Caller = Effect.Success<ReturnType<typeof signIn>>

/** Has the chain looked at now, and not in the five seconds that a worker waits. */
export const lookAtChain = ({ admin }: Pick<Caller, "admin">) => admin["admin.sweeps.run"]({ name: "payment_watches" })

/** A payment of the merchant's that a buyer pays on the chain, until we hold it as paid; answers with its address. */
export const payOnChain = Effect.fnUntraced(function* (
  { mall }: Pick<Caller, "mall">,
  operator: Pick<Caller, "admin">,
  chain: LocalChain,
  { amount, reference }: { readonly amount: number; readonly reference: string }
) {
  const { id } = yield* mall.payments.create({
    payload: {
      amount: new Money({ amount: MinorUnits.make(amount), currency: "USDC" }),
      reference,
      description: "Tea"
    }
  })
  const { action } = yield* mall.payments.confirm({
    params: { id },
    payload: { channel: ChannelId.make("crypto") }
  })
  const address = /address=(0x[0-9a-f]+)/.exec(action.type === "qr" ? action.content : "")?.[1] ?? ""
  yield* chain.pay(address, amount)
  yield* chain.mine(3)
  yield* eventually(
    Effect.andThen(lookAtChain(operator), mall.payments.show({ params: { id } })),
    ({ status }) => status === "succeeded",
    `${reference} to be paid`
  )
  return address
})
