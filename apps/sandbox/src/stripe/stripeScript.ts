/** Test cards, and the payment method that each stands for: as at Stripe, the number itself is sent to nobody. */
const cards = {
  "4242424242424242": "pm_card_visa",
  "4000000000000002": "pm_card_visa_chargeDeclined",
  "4000000000009995": "pm_card_visa_chargeDeclinedInsufficientFunds"
}

/** Why a payment method declines; none where it pays. */
export const declineCodes: Readonly<Record<string, string | undefined>> = {
  pm_card_visa_chargeDeclined: "generic_decline",
  pm_card_visa_chargeDeclinedInsufficientFunds: "insufficient_funds"
}

/** Whether there is such a payment method. */
export const isPaymentMethod = (name: string) => Object.values(cards).includes(name)

/**
 * What a page needs of Stripe.js: `Stripe(key).elements({ clientSecret }).create("payment").mount(where)` shows the card's fields in a
 * frame of ours, and `confirmPayment` has the frame pay. The page sees no card.
 */
export const stripeScript = `(() => {
  const home = new URL(document.currentScript.src)
  window.Stripe = (key) => ({
    elements: ({ clientSecret, locale }) => {
      const elements = { key, clientSecret, frame: undefined }
      elements.create = () => ({
        mount: (where) => {
          const frame = document.createElement("iframe")
          frame.src = new URL("elements?locale=" + encodeURIComponent(locale || "en"), home).href
          frame.title = "Secure payment input frame"
          frame.width = "100%"
          frame.height = "230"
          frame.style.border = "0"
          document.querySelector(where).replaceChildren(frame)
          elements.frame = frame
        }
      })
      return elements
    },
    confirmPayment: ({ elements }) =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel()
        port1.onmessage = ({ data }) => resolve(data)
        const { key, clientSecret } = elements
        elements.frame.contentWindow.postMessage({ key, clientSecret }, home.origin, [port2])
      })
  })
})()
`

const frameScript = `
  const cards = ${JSON.stringify(cards)}
  const pay = async ({ key, clientSecret }) => {
    const number = document.querySelector("[name=number]").value.replaceAll(/\\s/g, "")
    const method = cards[number]
    const wrong = (message) => ({ error: { type: "validation_error", message } })
    if (method === undefined) return wrong("Your card number is invalid: only test cards work here.")
    if (!/^\\d\\d ?\\/ ?\\d\\d$/.test(document.querySelector("[name=expiry]").value)) return wrong("Your card's expiration date is incomplete.")
    if (!/^\\d{3,4}$/.test(document.querySelector("[name=cvc]").value)) return wrong("Your card's security code is incomplete.")
    const intent = clientSecret.split("_secret_")[0]
    const answer = await fetch("../../v1/payment_intents/" + encodeURIComponent(intent) + "/confirm", {
      method: "POST",
      body: new URLSearchParams({ key, client_secret: clientSecret, payment_method: method })
    })
    const body = await answer.json()
    return answer.ok ? { paymentIntent: body } : { error: body.error }
  }
  addEventListener("message", async ({ data, ports }) => {
    const [port] = ports
    if (port === undefined) return
    port.postMessage(await pay(data).catch(() => ({ error: { type: "api_connection_error", message: "No answer." } })))
  })
`

/** The frame with the card's fields. */
export const stripeFrame = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Card</title>
    <style>
      :root { color-scheme: light dark; }
      body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
      label { display: block; margin-bottom: .5rem; }
      input { font: inherit; width: 100%; box-sizing: border-box; padding: .4rem; }
    </style>
  </head>
  <body>
    <label>Card number <input name="number" inputmode="numeric" autocomplete="off" placeholder="4242 4242 4242 4242" /></label>
    <label>Expiration <input name="expiry" inputmode="numeric" autocomplete="off" placeholder="12/34" /></label>
    <label>Security code <input name="cvc" inputmode="numeric" autocomplete="off" placeholder="123" /></label>
    <script>${frameScript}</script>
  </body>
</html>
`
