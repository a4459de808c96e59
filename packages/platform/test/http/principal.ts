import { Principal } from "@mall/domain/identity/CurrentUser"
import { tokenOf } from "@mall/testing/TestAuthorization"
import { Schema } from "effect"

/** A customer, by the last digit of their id. */
export const principalOf = (digit: number) =>
  Schema.decodeSync(Schema.toCodecJson(Principal))({
    userId: `0192d3a4-2222-7222-8222-22222222222${digit}`,
    sessionId: "0192d3a4-3333-7333-8333-333333333333",
    roles: ["customer"],
    merchantId: { _tag: "None" },
    actor: "user",
    expiresAt: "2096-10-02T07:06:40.000Z"
  })

export const bearerOf = (principal: Principal) => ({ headers: { authorization: `Bearer ${tokenOf(principal)}` } })
