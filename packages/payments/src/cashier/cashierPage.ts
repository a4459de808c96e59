import type { Branding } from "@mall/domain/payments/Branding"
import type { PaymentAction, Ticket, Underpayment } from "@mall/domain/payments/Payment"
import { html, trusted } from "@mall/platform/html"
import type { Markup } from "@mall/platform/html"
import { cardFormMarkup, cardFormScripts } from "./cardForm.ts"
import type { CardForm } from "./cardForm.ts"
import { amountText, textsOf, timeText, wayName } from "./cashierTexts.ts"
import type { Language, TextKey } from "./cashierTexts.ts"
import type { IntentRow } from "../store/PaymentRecord.ts"

/** A way to pay that the page can carry through by itself. */
export interface Way {
  readonly channel: string
  readonly method: string
}

/** What the buyer can do now. */
export type Stage =
  | { readonly type: "choose"; readonly ways: ReadonlyArray<Way>; readonly isRepeated: boolean }
  /** `qr` is an SVG image of the code, `form` the channel's own form. */
  | {
      readonly type: "act"
      readonly action: PaymentAction
      readonly qr: string | undefined
      readonly form: CardForm | undefined
      readonly way: Way
    }
  | { readonly type: "over"; readonly text: "succeeded" | "refunded" | "canceled" | "expired" }

export interface View {
  readonly language: Language
  readonly branding: Branding
  readonly intent: IntentRow
  /** The next ticket: what the page shows next comes by it. */
  readonly next: Ticket
  readonly stage: Stage
  /** A part of the money came. */
  readonly underpaid: Underpayment | undefined
  /** What went wrong before. */
  readonly notice: TextKey | undefined
  /** Lets this page's own style and script run, and no other. */
  readonly nonce: string
}

const style = (color: string) =>
  trusted(`
  :root { color-scheme: light dark; --brand: ${color}; --line: #8886; }
  * { box-sizing: border-box; }
  body { font: 16px/1.5 system-ui, "PingFang SC", "Noto Sans CJK SC", sans-serif; margin: 0; }
  header { display: flex; gap: .75rem; align-items: center; padding: 1rem; border-bottom: 3px solid var(--brand); }
  header img { height: 2rem; max-width: 8rem; object-fit: contain; }
  header strong { flex: 1; }
  main { max-width: 30rem; margin: 0 auto; padding: 1rem; }
  h1 { font-size: 1.25rem; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
  dt { opacity: .75; } dd { margin: 0; overflow-wrap: anywhere; }
  .total { font-size: 2.25rem; font-weight: 700; margin: 0; font-variant-numeric: tabular-nums; }
  .notice { border: 1px solid #c33; border-left-width: 6px; padding: .5rem .75rem; }
  .qr svg { width: 14rem; height: 14rem; background: #fff; display: block; margin: 1rem auto; }
  .ways { list-style: none; padding: 0; display: grid; gap: .75rem; }
  button, a.button { display: block; width: 100%; font: inherit; text-align: center; padding: .8rem 1rem; border-radius: .5rem;
    border: 1px solid var(--brand); background: var(--brand); color: #fff; cursor: pointer; text-decoration: none; }
  button:focus-visible, a:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
`)

const document = (language: Language, title: string, head: Markup, body: Markup) =>
  html`<!doctype html>
    <html lang="${language === "zh" ? "zh-CN" : "en"}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title}</title>
        ${head}
      </head>
      ${body}
    </html> `.markup

const styled = (color: string, nonce: string) =>
  html`<style nonce="${nonce}">
    ${style(color)}
  </style>`

/** Asks for the status with the ticket, which each answer replaces, and shows the page anew once it has changed. */
const script = trusted(`
  (() => {
    const { lang, received, status } = document.body.dataset
    let { next } = document.body.dataset
    const renew = () => {
      history.replaceState(null, "", "/pay/" + next + "?lang=" + lang)
      for (const form of document.querySelectorAll("form")) form.action = "/pay/" + next + "?lang=" + lang
      for (const link of document.querySelectorAll("a[data-query]")) link.href = "/pay/" + next + "?" + link.dataset.query
    }
    const look = async () => {
      try {
        const answer = await fetch("/pay/" + next + "/status", { cache: "no-store" })
        if (answer.status === 401) return
        if (answer.ok) {
          const now = await answer.json()
          next = now.ticket
          renew()
          const came = String(now.underpaid === undefined ? 0 : now.underpaid.received.amount)
          if (now.status !== status || came !== received) return location.replace("/pay/" + next + "?lang=" + lang)
        }
      } catch {}
      setTimeout(look, 2000)
    }
    renew()
    setTimeout(look, 2000)
  })()
`)

const methodForm = (to: string, { channel, method }: Way, label: string) => html`
  <form method="post" action="${to}">
    <input type="hidden" name="channel" value="${channel}" />
    <input type="hidden" name="method" value="${method}" />
    <button type="submit">${label}</button>
  </form>
`

/** What came, what is missing, and where that is to go: the code below is for the rest. */
const underpaidMarkup = ({ missing, payTo, received }: Underpayment, language: Language) => {
  const text = textsOf(language)
  const term = (name: TextKey, value: string) =>
    html`<dt>${text(name)}</dt>
      <dd>${value}</dd>`
  return html`<div class="notice" role="alert">
    <p>${text("underpaid")}</p>
    <dl>
      ${term("received", amountText(language, received))} ${term("missing", amountText(language, missing))}
      ${payTo === null ? html`` : term("payTo", payTo)}
    </dl>
  </div>`
}

const isWebAddress = (url: string) => /^https?:\/\//.test(url)

const stageOf = ({ intent, language, next, stage, underpaid }: View): Markup => {
  const text = textsOf(language)
  const here = (more: string) => `lang=${language}${more}`
  switch (stage.type) {
    case "over": {
      const back =
        intent.returnUrl === null || !isWebAddress(intent.returnUrl)
          ? html``
          : html`<p><a class="button" rel="noreferrer" href="${intent.returnUrl}">${text("back")}</a></p>`
      return html`<h2 role="status">${text(stage.text)}</h2>
        ${back}`
    }
    case "choose":
      return stage.ways.length === 0
        ? html`<p role="status">${text("noWay")}</p>`
        : html`<h2>${text(stage.isRepeated ? "again" : "choose")}</h2>
            <ul class="ways">
              ${stage.ways.map(
                (way) =>
                  html`<li>
                    ${methodForm(`/pay/${next}?${here("")}`, way, wayName(language, way.channel, way.method))}
                  </li>`
              )}
            </ul>`
    case "act": {
      const { action, form, qr, way } = stage
      const todo =
        qr !== undefined
          ? html`<p>${text("scan")}</p>
              <div class="qr" role="img" aria-label="${text("scan")}">${trusted(qr)}</div>`
          : action.type === "redirect" && isWebAddress(action.url)
            ? html`<p><a class="button" rel="noreferrer" href="${action.url}">${text("go")}</a></p>
                <p>${text("goHint")}</p>`
            : form !== undefined
              ? cardFormMarkup(form, language)
              : html`<p>${text("asking")}</p>`
      return html`<h2>${wayName(language, way.channel, way.method)}</h2>
        ${underpaid === undefined ? html`` : underpaidMarkup(underpaid, language)} ${todo}
        <p role="status">${text("waiting")}</p>
        <p><a data-query="${here("&choose=1")}" href="/pay/${next}?${here("&choose=1")}">${text("otherWay")}</a></p>`
    }
  }
}

/** The whole page. It needs no script, but for a form that is the channel's own script: without one it shows itself anew every few seconds. */
export const cashierPage = (view: View) => {
  const { branding, intent, language, next, nonce, notice, stage } = view
  const text = textsOf(language)
  const other: Language = language === "zh" ? "en" : "zh"
  const isOver = stage.type === "over"
  const received = view.underpaid?.received.amount ?? 0
  const refresh =
    stage.type === "act"
      ? html`<noscript><meta http-equiv="refresh" content="5;url=/pay/${next}?lang=${language}" /></noscript>`
      : html``
  return document(
    language,
    `${text("title")} · ${branding.name}`,
    html`${refresh}${styled(branding.color, nonce)}`,
    html`<body data-next="${next}" data-status="${intent.status}" data-received="${received}" data-lang="${language}">
      <header>
        ${branding.logoUrl === null ? html`` : html`<img src="${branding.logoUrl}" alt="" referrerpolicy="no-referrer" />`}
        <strong>${branding.name}</strong>
        <a lang="${other}" data-query="lang=${other}" href="/pay/${next}?lang=${other}">${text("switchTo")}</a>
      </header>
      <main>
        <h1>${intent.description}</h1>
        <p class="total"><span>${amountText(language, intent.money)}</span></p>
        <dl>
          <dt>${text("order")}</dt>
          <dd>${intent.reference}</dd>
          ${
            isOver
              ? html``
              : html`<dt>${text("payBefore")}</dt>
                  <dd>${timeText(language, intent.endsAt)}</dd>`
          }
        </dl>
        ${notice === undefined ? html`` : html`<p class="notice" role="alert">${text(notice)}</p>`} ${stageOf(view)}
      </main>
      ${
        isOver
          ? html``
          : html`<script nonce="${nonce}">
              ${script}
            </script>`
      }
      ${stage.type === "act" && stage.form !== undefined ? cardFormScripts(stage.form, nonce) : html``}
    </body>`
  )
}

/** What is shown for a ticket that is not good. It tells nothing of any payment. */
export const ticketPage = (language: Language, nonce: string) => {
  const text = textsOf(language)
  return document(
    language,
    text("ticketTitle"),
    styled("#555555", nonce),
    html`<body>
      <main>
        <h1>${text("ticketTitle")}</h1>
        <p>${text("ticketText")}</p>
      </main>
    </body>`
  )
}
