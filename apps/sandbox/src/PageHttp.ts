import { formatMajor } from "@mall/domain/kernel/Currency"
import { Effect, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import QRCode from "qrcode"
import { DisputeOutcome, PayerAction } from "./Channel.ts"
import type { ActionRefused, Channel, DisputeView, OrderView, ReferenceUnknown } from "./Channel.ts"
import { Channels } from "./Channels.ts"
import { html, trusted } from "@mall/platform/html"
import type { Markup } from "@mall/platform/html"
import { page } from "./page.ts"

const listed = 50

const actionTexts: Readonly<Record<PayerAction, { readonly zh: string; readonly en: string }>> = {
  scan: { zh: "扫码", en: "Scan" },
  pay: { zh: "支付", en: "Pay" },
  fail: { zh: "支付失败", en: "Fail" },
  cancel: { zh: "取消", en: "Cancel" }
}

const outcomeTexts: Readonly<Record<DisputeOutcome, { readonly zh: string; readonly en: string }>> = {
  win: { zh: "商户胜", en: "The merchant wins" },
  lose: { zh: "商户败", en: "The merchant loses" },
  review: { zh: "审理", en: "Review" }
}

const pathOf = ({ channel, reference }: OrderView) => `/pay/${channel}/${encodeURIComponent(reference)}`
const money = (amount: number, currency: OrderView["currency"]) => `${currency} ${formatMajor(amount, currency)}`

const respond = (title: string, body: Markup, status = 200) =>
  HttpServerResponse.text(page(title, body), { status, contentType: "text/html; charset=utf-8" })

const notFound = respond(
  "404",
  html`<h1>没有这个订单 <small>There is no such order</small></h1>
    <a href="/">← 全部订单 All orders</a>`,
  404
)

const indexBody = (orders: ReadonlyArray<OrderView>) =>
  html`<h1>支付沙箱 <small>Payment sandbox</small></h1>
    <p>
      这里没有真钱。<small>No real money moves here.</small> <a href="/mails">收件箱 Mails</a> ·
      <a href="/transfers">银行 Bank</a>
    </p>
    <form method="get" action="/scan">
      <label
        >二维码内容 Content of a QR code <input name="code" required placeholder="weixin://wxpay/bizpayurl?pr=…"
      /></label>
      <button>扫码 Scan</button>
    </form>
    ${
      orders.length === 0
        ? html`<p>还没有订单。<small>No orders yet.</small></p>`
        : html`<table>
            <thead>
              <tr>
                <th>订单 Order</th>
                <th>商品 Description</th>
                <th>金额 Amount</th>
                <th>状态 State</th>
              </tr>
            </thead>
            <tbody>
              ${orders.map(
                (order) =>
                  html`<tr>
                    <td><a href="${pathOf(order)}">${order.reference}</a></td>
                    <td>${order.description}</td>
                    <td class="amount">${money(order.amount, order.currency)}</td>
                    <td><span class="state ${order.state}">${order.stateText.zh} ${order.stateText.en}</span></td>
                  </tr>`
              )}
            </tbody>
          </table>`
    }`

/** The hand of the payer's bank. */
const disputesBody = (order: OrderView, disputes: ReadonlyArray<DisputeView>) =>
  html`<h2>争议 <small>Disputes</small></h2>
    ${disputes.map(
      ({ amount, currency, number, outcomes, state }) =>
        html`<p>${number} · ${money(amount, currency)} · <span class="state">${state}</span></p>
          <div class="actions">
            ${outcomes.map(
              (outcome) =>
                html`<form method="post" action="${pathOf(order)}/disputes/${number}/${outcome}">
                  <button class="${outcome}">${outcomeTexts[outcome].zh} ${outcomeTexts[outcome].en}</button>
                </form>`
            )}
          </div>`
    )}
    <div class="actions">
      <form method="post" action="${pathOf(order)}/disputes">
        <button class="dispute">拒付 Dispute the payment</button>
      </form>
    </div>`

const orderBody = (
  channel: Channel,
  order: OrderView,
  qr: string,
  disputes: ReadonlyArray<DisputeView>,
  refused: string | undefined
) =>
  html`<p><a href="/">← 全部订单 All orders</a></p>
    <h1>${channel.title.zh} <small>${channel.title.en}</small></h1>
    ${refused === undefined ? html`` : html`<p class="refused" role="alert">${refused}</p>`}
    <p class="total">${money(order.amount, order.currency)}</p>
    <p><span class="state ${order.state}">${order.stateText.zh} ${order.stateText.en}</span></p>
    <dl>
      <dt>商品 Description</dt>
      <dd>${order.description}</dd>
      <dt>商户 Merchant</dt>
      <dd>${order.merchant}</dd>
      <dt>订单号 Order</dt>
      <dd>${order.reference}</dd>
      <dt>下单时间 Created</dt>
      <dd><time datetime="${order.createdAt}">${order.createdAt}</time></dd>
      ${
        order.refunded === 0
          ? html``
          : html`<dt>已退款 Refunded</dt>
              <dd>${money(order.refunded, order.currency)}</dd>`
      }
    </dl>
    ${
      order.actions.length === 0
        ? html``
        : html`<div class="qr" role="img" aria-label="QR">${trusted(qr)}</div>
            <div class="actions">
              ${order.actions.map(
                (action) =>
                  html`<form method="post" action="${pathOf(order)}/${action}">
                    <button class="${action}">${actionTexts[action].zh} ${actionTexts[action].en}</button>
                  </form>`
              )}
            </div>`
    }
    ${channel.disputes !== undefined && order.state === "paid" ? disputesBody(order, disputes) : html``}`

const ScanQuery = Schema.Struct({ code: Schema.NonEmptyString })
const OrderPath = Schema.Struct({ channel: Schema.String, reference: Schema.String })
const DisputePath = Schema.Struct({ ...OrderPath.fields, number: Schema.String, outcome: DisputeOutcome })
const ActionPath = Schema.Struct({ ...OrderPath.fields, action: PayerAction })

/** The payer's side for people: a list of orders and a page for each, in plain HTML forms. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { channels, find, scan } = yield* Channels

    const show = Effect.fnUntraced(function* (id: string, reference: string, refused?: string) {
      const channel = yield* Effect.fromNullishOr(find(id))
      const order = yield* Effect.fromOption(yield* channel.order(reference))
      const qr = yield* Effect.promise(() => QRCode.toString(order.code, { type: "svg", margin: 1 }))
      const disputes = (yield* channel.disputes?.list ?? Effect.succeed([])).filter(
        (dispute) => dispute.order === reference
      )
      return respond(
        `${order.reference} · ${channel.title.zh}`,
        orderBody(channel, order, qr, disputes, refused),
        refused === undefined ? 200 : 409
      )
    })
    const missing = { NoSuchElementError: () => Effect.succeed(notFound), SchemaError: () => Effect.succeed(notFound) }

    yield* router.add(
      "GET",
      "/",
      Effect.map(
        Effect.forEach(channels, ({ orders }) => orders),
        (lists) => {
          const newest = lists.flat().toSorted((a, b) => b.createdAt.localeCompare(a.createdAt))
          return respond("支付沙箱 Payment sandbox", indexBody(newest.slice(0, listed)))
        }
      )
    )
    yield* router.add(
      "GET",
      "/scan",
      HttpServerRequest.schemaSearchParams(ScanQuery).pipe(
        Effect.flatMap(({ code }) => scan(code.trim())),
        Effect.map((order) => HttpServerResponse.redirect(pathOf(order), { status: 303 })),
        Effect.catchTags(missing)
      )
    )
    yield* router.add(
      "GET",
      "/pay/:channel/:reference",
      HttpRouter.schemaPathParams(OrderPath).pipe(
        Effect.flatMap(({ channel, reference }) => show(channel, reference)),
        Effect.catchTags(missing)
      )
    )
    /** The page again, with what came of a button of it. */
    const backTo = <A>(id: string, reference: string, act: Effect.Effect<A, ActionRefused | ReferenceUnknown>) =>
      act.pipe(
        Effect.as(HttpServerResponse.redirect(`/pay/${id}/${encodeURIComponent(reference)}`, { status: 303 })),
        Effect.catchTags({
          ReferenceUnknown: () => Effect.succeed(notFound),
          ActionRefused: ({ reason }) => show(id, reference, reason)
        })
      )

    yield* router.add(
      "POST",
      "/pay/:channel/:reference/disputes",
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        if (request.headers["sec-fetch-site"] === "cross-site") return HttpServerResponse.empty({ status: 403 })
        const { channel: id, reference } = yield* HttpRouter.schemaPathParams(OrderPath)
        const disputes = yield* Effect.fromNullishOr(find(id)?.disputes)
        return yield* backTo(id, reference, disputes.open(reference, {}))
      }).pipe(Effect.catchTags(missing))
    )
    yield* router.add(
      "POST",
      "/pay/:channel/:reference/disputes/:number/:outcome",
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        if (request.headers["sec-fetch-site"] === "cross-site") return HttpServerResponse.empty({ status: 403 })
        const { channel: id, number, outcome, reference } = yield* HttpRouter.schemaPathParams(DisputePath)
        const disputes = yield* Effect.fromNullishOr(find(id)?.disputes)
        return yield* backTo(id, reference, disputes.settle(number, outcome))
      }).pipe(Effect.catchTags(missing))
    )
    yield* router.add(
      "POST",
      "/pay/:channel/:reference/:action",
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        // nobody's other page may press a button here
        if (request.headers["sec-fetch-site"] === "cross-site") return HttpServerResponse.empty({ status: 403 })
        const { action, channel: id, reference } = yield* HttpRouter.schemaPathParams(ActionPath)
        const channel = yield* Effect.fromNullishOr(find(id))
        return yield* channel.act(reference, action).pipe(
          Effect.map((order) => HttpServerResponse.redirect(pathOf(order), { status: 303 })),
          Effect.catchTags({
            ReferenceUnknown: () => Effect.succeed(notFound),
            ActionRefused: ({ reason }) => show(id, reference, reason)
          })
        )
      }).pipe(Effect.catchTags(missing))
    )
  })
)
