import { html, trusted } from "@mall/platform/html"
import type { Markup } from "@mall/platform/html"

const style = trusted(`
  :root { color-scheme: light dark; --line: #8884; --accent: #07a350; --bad: #c33; }
  body { font: 16px/1.5 system-ui, "PingFang SC", "Noto Sans CJK SC", sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
  small { opacity: .7; font-weight: normal; }
  table { width: 100%; border-collapse: collapse; }
  th, td { text-align: left; padding: .5rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
  th { font-weight: 600; } .amount { text-align: right; white-space: nowrap; }
  .total { font-size: 2.5rem; margin: .5rem 0; font-variant-numeric: tabular-nums; }
  .state { padding: .1rem .6rem; border: 1px solid var(--line); border-radius: 1rem; white-space: nowrap; }
  .SUCCESS { border-color: var(--accent); color: var(--accent); } .PAYERROR, .refused { color: var(--bad); border-color: var(--bad); }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; } dd { margin: 0; overflow-wrap: anywhere; }
  .qr svg { width: 12rem; height: 12rem; background: #fff; }
  .actions { display: flex; gap: .75rem; flex-wrap: wrap; margin-top: 1rem; }
  input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin: .25rem 0 .5rem; }
  button { font: inherit; padding: .6rem 1.4rem; border-radius: .5rem; border: 1px solid var(--line); cursor: pointer; }
  button.pay { background: var(--accent); border-color: var(--accent); color: #fff; }
`)

/** A whole document. Pages are in Chinese with English beside it, so that one page serves both readers. */
export const page = (title: string, body: Markup) =>
  html`<!doctype html>
    <html lang="zh">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `.markup
