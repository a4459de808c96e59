import type { PaymentAction } from "@mall/domain/payments/Payment"
import { html, trusted } from "@mall/platform/html"
import type { Markup } from "@mall/platform/html"
import type { PageScript } from "../channel/Channel.ts"
import { textsOf } from "./cashierTexts.ts"
import type { Language } from "./cashierTexts.ts"

/** What the channel's script needs to show its form: its key, and the secret of this one payment. */
export interface CardForm {
  readonly script: PageScript
  readonly key: string
  readonly secret: string
}

/** None where the action is not for a script, or the channel has none for pages. */
export const cardFormOf = (action: PaymentAction, script: PageScript | undefined): CardForm | undefined => {
  if (action.type !== "params" || script === undefined) return undefined
  const { clientSecret: secret, publishableKey: key } = action.params
  return secret === undefined || key === undefined ? undefined : { script, key, secret }
}

/** The fields are the channel's, in a frame of its own: nothing that is typed there reaches this page or our server. */
export const cardFormMarkup = ({ key, secret }: CardForm, language: Language): Markup => {
  const text = textsOf(language)
  return html`<p class="notice" role="alert" id="card-said">${text("needsScript")}</p>
    <form
      id="card"
      method="post"
      hidden
      data-key="${key}"
      data-secret="${secret}"
      data-locale="${language}"
      data-missing="${text("formMissing")}"
      data-failed="${text("formFailed")}"
    >
      <div id="card-fields"></div>
      <button type="submit">${text("pay")}</button>
    </form>`
}

/** Who can run this needs no word about scripts; where one is blocked it stays. */
const beforehand = trusted(`document.querySelector("#card-said").hidden = true`)

/**
 * A card that was declined may be followed by another in the same form, for the payment stays open. Cards need no page to come
 * back to: what a bank asks is asked in a frame. That it is paid, this page hears from our server only.
 */
const script = trusted(`
  (() => {
    const form = document.querySelector("#card")
    const said = document.querySelector("#card-said")
    const { failed, key, locale, missing, secret } = form.dataset
    const button = form.querySelector("button")
    const say = (text) => {
      said.textContent = text
      said.hidden = text === ""
    }
    if (typeof Stripe !== "function") return say(missing)
    const stripe = Stripe(key, { locale })
    const elements = stripe.elements({ clientSecret: secret, locale })
    form.hidden = false
    elements.create("payment").mount("#card-fields")
    form.addEventListener("submit", async (event) => {
      event.preventDefault()
      if (button.disabled) return
      button.disabled = true
      say("")
      try {
        const { error } = await stripe.confirmPayment({ elements, redirect: "if_required" })
        if (error === undefined) return
        say(error.message || failed)
      } catch {
        say(failed)
      }
      button.disabled = false
    })
  })()
`)

export const cardFormScripts = (form: CardForm, nonce: string): Markup =>
  html`<script nonce="${nonce}">
      ${beforehand}
    </script>
    <script nonce="${nonce}" src="${form.script.url}"></script>
    <script nonce="${nonce}">
      ${script}
    </script>`
