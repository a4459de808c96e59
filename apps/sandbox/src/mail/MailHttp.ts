import { html } from "@mall/platform/html"
import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { page } from "../page.ts"
import type { ReceivedMail } from "./MailSink.ts"
import { MailSink } from "./MailSink.ts"

const mailBody = ({ from, receivedAt, recipients, subject, text }: ReceivedMail) =>
  html`<section>
    <h2>${subject}</h2>
    <dl>
      <dt>收件人 To</dt>
      <dd>${recipients.join(", ")}</dd>
      <dt>发件人 From</dt>
      <dd>${from}</dd>
      <dt>时间 Received</dt>
      <dd><time datetime="${receivedAt}">${receivedAt}</time></dd>
    </dl>
    <pre style="white-space: pre-wrap">${text}</pre>
  </section>`

const listBody = (mails: ReadonlyArray<ReceivedMail>) =>
  html`<p><a href="/">← 支付沙箱 Payment sandbox</a></p>
    <h1>收件箱 <small>Mails</small></h1>
    <p>这里的邮件没有寄给任何人。<small>None of these mails was delivered to anybody.</small></p>
    ${mails.length === 0 ? html`<p>还没有邮件。<small>No mails yet.</small></p>` : mails.map(mailBody)}`

/** `GET /mails`: what the mall wrote to people, newest first. Programs read `GET /control/mails`. */
export const layer = HttpRouter.use((router) =>
  Effect.flatMap(MailSink, (sink) =>
    router.add(
      "GET",
      "/mails",
      Effect.map(sink.mails, (mails) =>
        HttpServerResponse.text(page("收件箱 Mails", listBody(mails)), { contentType: "text/html; charset=utf-8" })
      )
    )
  )
)
