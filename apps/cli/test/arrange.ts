import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { ChannelId } from "@mall/domain/payments/Payment"
import { Payments } from "@mall/payments/lifecycle/Payments"
import { Effect, Option, Schema } from "effect"
import { CommandLine } from "./CommandLine.ts"

export const newId = generator(Uuid7.pipe(Schema.brand("Any")))
const newUserId = generator(UserId)
const newSessionId = generator(SessionId)
const newMerchantId = generator(MerchantId)

/** Runs one command line. */
export const mall = (...args: ReadonlyArray<string>) => CommandLine.use((line) => line.mall(...args))

export const aMerchant = Effect.gen(function* () {
  return new Principal({
    userId: yield* newUserId,
    sessionId: yield* newSessionId,
    roles: ["merchant"],
    merchantId: Option.some(yield* newMerchantId),
    expiresAt: new Date("2100-01-01")
  })
})

/** A payment of 50 dollars by card that a merchant asks for. */
export const aPayment = Effect.gen(function* () {
  const payments = yield* Payments
  const owner = yield* aMerchant
  const operationId = yield* newId
  const { id } = yield* payments.create(
    {
      amount: Money.of(5000, "USD"),
      reference: `order-${operationId}`,
      description: "a chair",
      channels: [ChannelId.make("stripe")]
    },
    owner,
    operationId
  )
  return { id, owner }
})
