import { formatMajor } from "@mall/domain/kernel/Currency"
import { html } from "@mall/platform/html"
import { Effect, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as ChannelHttp from "../ChannelHttp.ts"
import { makeAdd } from "../control/controlRoute.ts"
import { page } from "../page.ts"
import { makeBank } from "./Bank.ts"
import { BankAct, BankBook, BankMode } from "./BankBook.ts"
import type { Transfer } from "./BankBook.ts"

const listed = 50
const ActPath = Schema.Struct({ id: Schema.String, act: BankAct })

const row = ({ account, amount, at, currency, id, name, reason, status }: Transfer) =>
  html`<tr>
    <td>${id}</td>
    <td>${name} · ${account.slice(-4)}</td>
    <td class="amount">${currency} ${formatMajor(amount, currency)}</td>
    <td><span class="state">${status}</span> ${reason ?? ""}</td>
    <td><time datetime="${at}">${at}</time></td>
  </tr>`

const body = (transfers: ReadonlyArray<Transfer>) =>
  html`<h1>银行沙箱 <small>Sandbox bank</small></h1>
    <p><a href="/">← 全部订单 All orders</a></p>
    <table>
      <thead>
        <tr>
          <th>转账 Transfer</th>
          <th>收款人 Creditor</th>
          <th>金额 Amount</th>
          <th>状态 State</th>
          <th>时间 Time</th>
        </tr>
      </thead>
      <tbody>
        ${transfers.map(row)}
      </tbody>
    </table>`

/** The bank for programs below `/bank/`, its transfers for people at `/transfers`, and its hand below `/control/bank/`. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const book = yield* BankBook
    yield* ChannelHttp.serve(router, yield* makeBank)
    yield* router.add(
      "GET",
      "/transfers",
      Effect.map(book.transfers, (transfers) =>
        HttpServerResponse.text(page("银行沙箱 Sandbox bank", body(transfers.slice(0, listed))), {
          contentType: "text/html; charset=utf-8"
        })
      )
    )
    const add = makeAdd(router)
    yield* add(
      "GET",
      "/bank/transfers",
      Effect.map(book.transfers, (data) => HttpServerResponse.jsonUnsafe({ data }))
    )
    yield* add(
      "POST",
      "/bank/mode",
      Effect.gen(function* () {
        const { mode } = yield* HttpServerRequest.schemaBodyJson(Schema.Struct({ mode: BankMode }))
        yield* book.setMode(mode)
        return HttpServerResponse.empty()
      })
    )
    yield* add(
      "POST",
      "/bank/transfers/:id/:act",
      Effect.gen(function* () {
        const { act, id } = yield* HttpRouter.schemaPathParams(ActPath)
        return HttpServerResponse.jsonUnsafe(yield* book.act(id, act))
      })
    )
  })
)
