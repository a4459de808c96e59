import type { ChannelChoice, ChannelId } from "@mall/domain/payments/Payment"
import { CountryCode } from "@mall/domain/payments/Payment"
import {
  PaymentChallenged,
  PaymentInReview,
  PaymentRefused,
  PaymentUnchecked
} from "@mall/domain/payments/PaymentError"
import type { PaymentNotFound } from "@mall/domain/payments/PaymentGateway"
import { CountryOf } from "@mall/domain/risk/CountryOf"
import type { RiskFacts } from "@mall/domain/risk/Fact"
import { RiskCheck } from "@mall/domain/risk/RiskCheck"
import type { RiskAnswer } from "@mall/domain/risk/RiskCheck"
import { CurrentRequest } from "@mall/platform/http/RequestInfo"
import type { RequestInfo } from "@mall/platform/http/RequestInfo"
import { Context, Effect, Layer, Schema } from "effect"
import { BlockList, isIPv6 } from "node:net"
import { actorOf } from "./isParty.ts"
import type { Caller } from "./isParty.ts"
import { countPayment } from "../paymentMetrics.ts"
import type { PaymentRecord } from "../store/PaymentRecord.ts"
import { PaymentStore } from "../store/PaymentStore.ts"

export type RiskError = PaymentRefused | PaymentChallenged | PaymentInReview | PaymentUnchecked

const isCountry = Schema.is(CountryCode)

/** Addresses that any number of strangers may have: behind a proxy that is not trusted, everybody has the same. */
const privateNetworks = new BlockList()
for (const [network, bits] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16]
] as const) {
  privateNetworks.addSubnet(network, bits, "ipv4")
}
privateNetworks.addSubnet("fc00::", 7, "ipv6")
privateNetworks.addSubnet("fe80::", 10, "ipv6")
privateNetworks.addAddress("::1", "ipv6")

const isPublic = (address: string) => !privateNetworks.check(address, isIPv6(address) ? "ipv6" : "ipv4")

/** How a try is to be made. */
export interface Way {
  readonly channel: ChannelId
  readonly method: string
}

/** Asks risk whether a try may be made. */
export class RiskGuard extends Context.Service<
  RiskGuard,
  {
    /**
     * Answers with what the history says of the check; never called within a transaction. What is not let pass is written to the
     * payment's history here.
     */
    pass(
      record: PaymentRecord,
      way: Way,
      choice: ChannelChoice,
      caller: Caller
    ): Effect.Effect<string, RiskError | PaymentNotFound>
  }
>()("@mall/payments/lifecycle/RiskGuard") {
  static readonly layerNoDeps = Layer.effect(
    RiskGuard,
    Effect.gen(function* () {
      const countryOf = yield* CountryOf
      const risk = yield* RiskCheck
      const store = yield* PaymentStore

      const factsOf = Effect.fnUntraced(function* (
        { attempts, intent }: PaymentRecord,
        { channel, method }: Way,
        { card, country, device }: ChannelChoice,
        caller: Caller
      ) {
        const request: RequestInfo | undefined = yield* CurrentRequest
        const client = request !== undefined && isPublic(request.clientIp) ? request : undefined
        const found = client === undefined ? null : yield* countryOf(client.clientIp)
        const facts: RiskFacts = {
          amount: intent.amount,
          currency: intent.currency,
          channel,
          method,
          merchant: intent.merchantId,
          user: intent.payerId,
          network: client?.limitKey ?? null,
          device: device ?? null,
          card: card ?? null,
          country: country ?? null,
          ipCountry: isCountry(found) ? found : null,
          isGuest: "ticketOf" in caller,
          attempts: attempts.length
        }
        return facts
      })

      const refusalOf = ({ needs, verdict }: RiskAnswer, paymentId: PaymentRecord["intent"]["id"]): RiskError => {
        switch (verdict) {
          case "challenge":
            return new PaymentChallenged({ paymentId, needs: needs ?? "other_method" })
          case "review":
            return new PaymentInReview({ paymentId })
          case "unavailable":
            return new PaymentUnchecked({ paymentId })
          default:
            return new PaymentRefused({ paymentId })
        }
      }

      return RiskGuard.of({
        pass: Effect.fn("RiskGuard.pass")(function* (record, way, choice, caller) {
          const { intent } = record
          const facts = yield* factsOf(record, way, choice, caller)
          const answer = yield* risk.check({ paymentId: intent.id, facts, endsAt: intent.endsAt })
          if (answer.verdict === "allow") return answer.note
          yield* store.change(intent.id, actorOf(caller), (draft) => Effect.sync(() => draft.remark(answer.note)))
          if (answer.verdict === "deny") yield* countPayment("risk_rejected", way.channel, intent.currency)
          return yield* refusalOf(answer, intent.id)
        })
      })
    })
  )
}
