import { Effect, Schema } from "effect"
import type { ChannelDisputes } from "../Channel.ts"
import { contradiction, fromNetwork } from "../channelFailure.ts"
import { StripeDispute, toDispute } from "./stripeDispute.ts"
import type { StripeClient } from "./StripeClient.ts"
import { Id } from "./stripeObjects.ts"

const File = Schema.Struct({ id: Id, object: Schema.Literal("file") })
const Disputes = Schema.Struct({ data: Schema.Array(StripeDispute), has_more: Schema.Boolean })

const unreadable = fromNetwork("UNREADABLE_ANSWER")

/** Disputes at Stripe: evidence is uploaded file by file, and then submitted in one update of the dispute. */
export const make = (client: StripeClient): ChannelDisputes => {
  const read = (dispute: StripeDispute) => Effect.mapError(toDispute(dispute), () => unreadable)

  const readOwn = (channelReference: string) => (dispute: StripeDispute) =>
    dispute.id === channelReference ? read(dispute) : Effect.fail(contradiction)

  return {
    query: (channelReference) =>
      client
        .call("queryDispute", (stripe) => stripe.disputes.retrieve(channelReference), StripeDispute)
        .pipe(Effect.flatMap(readOwn(channelReference))),
    list: (limit, after) =>
      client
        .call(
          "listDisputes",
          (stripe) => stripe.disputes.list({ limit, ...(after === undefined ? {} : { starting_after: after }) }),
          Disputes
        )
        .pipe(
          Effect.flatMap(({ data, has_more: hasMore }) =>
            Effect.map(Effect.forEach(data, read), (disputes) => ({ data: disputes, hasMore }))
          )
        ),
    upload: ({ bytes, name, type }, key) =>
      client
        .call(
          "uploadEvidence",
          (stripe) =>
            stripe.files.create(
              { purpose: "dispute_evidence", file: { data: bytes, name, type } },
              { idempotencyKey: key }
            ),
          File
        )
        .pipe(Effect.map(({ id }) => id)),
    submit: (channelReference, evidence, key) =>
      client
        .call(
          "submitEvidence",
          (stripe) => stripe.disputes.update(channelReference, { evidence, submit: true }, { idempotencyKey: key }),
          StripeDispute
        )
        .pipe(Effect.flatMap(readOwn(channelReference))),
    accept: (channelReference, key) =>
      client
        .call(
          "acceptDispute",
          (stripe) => stripe.disputes.close(channelReference, {}, { idempotencyKey: key }),
          StripeDispute
        )
        .pipe(Effect.flatMap(readOwn(channelReference)))
  }
}
