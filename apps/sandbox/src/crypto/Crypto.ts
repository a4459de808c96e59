import { Effect, Option, Schema } from "effect"
import { ActionRefused } from "../Channel.ts"
import type { Channel, ChannelRequest, Operation, OrderView, Reply } from "../Channel.ts"
import { makeOrderBook } from "../OrderBook.ts"
import type { Order } from "../OrderBook.ts"
import { toOrderView } from "../orderView.ts"
import { anvilBinary } from "./Anvil.ts"
import { makeChain } from "./chain.ts"
import { loadAccount } from "./CryptoKeys.ts"
import { falsified } from "./falsified.ts"

const Call = Schema.fromJsonString(Schema.Struct({ method: Schema.String }))
const decodeCall = Schema.decodeOption(Call)
const decodeJson = Schema.decodeEffect(Schema.fromJsonString(Schema.JsonObject))
const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))

/** What a QR code holds (EIP-681): so much of a token to an address. */
const codePattern = /^ethereum:(0x[0-9a-fA-F]{40})@(\d+)\/transfer\?address=(0x[0-9a-fA-F]{40})&uint256=(\d{1,15})$/

/** A chain is not told what a question is for: the faults of an operation strike the question that it cannot do without. */
const operations: Readonly<Record<string, Operation>> = {
  eth_getLogs: "query",
  eth_getTransactionReceipt: "refundQuery",
  eth_sendRawTransaction: "refund"
}

const methodOf = ({ body }: ChannelRequest) => Option.getOrUndefined(decodeCall(body))?.method ?? ""
const operationOf = (request: ChannelRequest): Operation => operations[methodOf(request)] ?? "other"

const unavailable: Reply = {
  status: 503,
  payload: { jsonrpc: "2.0", id: null, error: { code: -32603, message: "The chain does not answer" } },
  verdict: "unavailable"
}

/**
 * A chain of this machine with a token of six decimals. A chain knows no orders: the payer's side knows those whose code was
 * scanned, by their address. None where there is no chain for this platform.
 */
export const makeCrypto = Effect.gen(function* () {
  const binary = anvilBinary(process.platform, process.arch)
  if (Option.isNone(binary)) {
    yield* Effect.logWarning("There is no chain for this platform: the channel crypto is left out")
    return Option.none<Channel>()
  }
  const keys = yield* loadAccount
  const book = yield* makeOrderBook("crypto")
  const chain = yield* makeChain(binary.value, keys)

  const codeOf = ({ amount, reference }: Order) =>
    `ethereum:${keys.token}@${keys.chainId}/transfer?address=${reference}&uint256=${amount}`
  const view = (order: Order): OrderView => toOrderView("crypto", keys.token, book, order, codeOf(order))
  /** What the chain itself says of the order: the payer's word is not enough. */
  const onChain = Effect.fnUntraced(function* (order: Order) {
    const { received, returned } = yield* Effect.orDie(chain.movements(order.reference))
    const state = received >= order.amount ? "paid" : order.state === "paid" ? "open" : order.state
    return { ...view(order), state, refunded: returned }
  })

  const handle = (request: ChannelRequest): Effect.Effect<Reply> =>
    chain.ask(request.body, operationOf(request) === "refund").pipe(
      Effect.flatMap(decodeJson),
      Effect.map((payload): Reply => ({ status: 200, payload, verdict: "accepted" })),
      Effect.orElseSucceed(() => unavailable)
    )

  const channel: Channel = {
    id: "crypto",
    title: { zh: "稳定币", en: "Stablecoin" },
    routes: [
      { operation: operationOf, method: "POST", path: "/rpc", handle },
      // another way to the same chain, whose faults are its own
      { operation: "witness", method: "POST", path: "/witness", handle }
    ],
    refusal: (status, code) => ({ ...unavailable, status, verdict: code ?? String(status) }),
    seal: ({ payload }, tampering) =>
      Effect.sync(() => ({
        headers: { "content-type": "application/json" },
        body: payload === undefined ? "" : toJson(tampering === undefined ? payload : falsified(payload, tampering))
      })),
    orders: Effect.map(book.list, (orders) => orders.map(view)),
    order: (reference) =>
      Effect.flatMap(book.look(reference), (order) => Effect.transposeOption(Option.map(order, onChain))),
    scan: Effect.fnUntraced(function* (code: string) {
      const [, token = "", chainId, address = "", amount] = codePattern.exec(code) ?? []
      if (token.toLowerCase() !== keys.token || Number(chainId) !== keys.chainId) return Option.none()
      const order = yield* Effect.option(
        book.create({
          reference: address,
          number: address,
          description: "USDC",
          amount: Number(amount),
          currency: "USDC",
          notifyUrl: null,
          returnUrl: null,
          expiresAt: null,
          details: {}
        })
      )
      return Option.map(order, view)
    }),
    act: Effect.fnUntraced(function* (reference, action, options) {
      const order = yield* book.act(reference, action, { ...options, failure: "NOT_SENT" })
      const amount = options?.payerTotal ?? order.amount
      // who looks or gives up sends nothing
      if (action === "pay" || action === "fail") {
        const sending = action === "pay" ? chain.pay(reference, amount) : chain.failToPay(reference, amount)
        yield* Effect.mapError(sending, ({ reason }) => new ActionRefused({ reason }))
      }
      return view(order)
    }),
    settleRefund: () => Effect.fail(new ActionRefused({ reason: "A transfer on a chain settles by itself" })),
    reset: book.clear
  }
  return Option.some(channel)
})
