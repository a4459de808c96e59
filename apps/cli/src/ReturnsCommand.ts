import { Page } from "@mall/domain/kernel/Page"
import { OrderId } from "@mall/domain/trade/Order"
import { Return, ReturnId, ReturnStatus } from "@mall/domain/trade/Return"
import type { OrderScope } from "@mall/trade/OrderScope"
import { Returns } from "@mall/trade/returns/Returns"
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { historySection } from "./historySection.ts"
import { given, page } from "./flags.ts"
import { fields, json, money, print, printPage, section } from "./Output.ts"
import * as Services from "./Services.ts"

const every: OrderScope = { _tag: "Every" }

const list = Command.make(
  "list",
  {
    ...page,
    status: Flag.Literals("status", ReturnStatus.literals).pipe(
      Flag.withDescription("Only returns in this state"),
      Flag.optional
    ),
    order: Flag.String("order").pipe(
      Flag.withSchema(OrderId),
      Flag.withDescription("Only returns of this order: an id"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, order, status }) {
    const returns = yield* Returns
    const found = yield* returns.list(every, { limit, ...given({ after, status, orderId: order }) })
    yield* printPage(found, {
      json,
      schema: Page(Return),
      columns: {
        id: ({ id }) => id,
        order: ({ orderId }) => orderId,
        status: ({ status }) => status,
        amount: ({ amount }) => money(amount),
        requested: ({ requestedAt }) => requestedAt,
        "refund failure": ({ refundFailure }) => refundFailure
      },
      empty: "There are no such returns."
    })
  })
).pipe(
  Command.withDescription("List returns, newest first"),
  Command.withExamples([
    { command: "mall returns list --status received", description: "What came back and is not refunded yet" }
  ]),
  Command.provide(Services.layer)
)

const show = Command.make(
  "show",
  {
    order: Argument.String("order").pipe(Argument.withSchema(OrderId), Argument.withDescription("The id of the order")),
    id: Argument.String("return").pipe(Argument.withSchema(ReturnId), Argument.withDescription("The id of the return")),
    json
  },
  Effect.fnUntraced(function* ({ id, json, order }) {
    const returns = yield* Returns
    const found = yield* returns.get(every, order, id)
    yield* print(
      found,
      { json, schema: Return },
      Effect.gen(function* () {
        yield* fields({
          id: found.id,
          order: found.orderId,
          status: found.status,
          amount: money(found.amount),
          reason: found.reason,
          restocked: found.restocked === null ? "" : String(found.restocked),
          refund: found.refundId,
          "refund failure": found.refundFailure,
          requested: found.requestedAt
        })
        yield* section(
          "Lines",
          { sku: ({ skuId }) => skuId, quantity: ({ quantity }) => quantity, amount: ({ amount }) => money(amount) },
          found.lines
        )
        yield* historySection({ from: ({ from }) => from, to: ({ to }) => to }, found.history)
      })
    )
  })
).pipe(
  Command.withDescription("Show a return with its lines and its history"),
  Command.withExamples([
    {
      command: "mall returns show 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 0198a3b4-02d1-7b52-8c1f-6a3d9e40b7c5"
    }
  ]),
  Command.provide(Services.layer)
)

export const ReturnsCommand = Command.make("returns").pipe(Command.withSubcommands([list, show]))
