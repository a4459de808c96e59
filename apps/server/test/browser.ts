import chromium from "@sparticuz/chromium"
import { Effect } from "effect"
import { chromium as playwright } from "playwright-core"
import type { Browser } from "playwright-core"

/** Headless Chromium, closed with the scope. */
export const launched = Effect.acquireRelease(
  Effect.promise(async (): Promise<Browser> =>
    playwright.launch({ executablePath: await chromium.executablePath(), args: chromium.args, headless: true })
  ),
  (browser) => Effect.promise(() => browser.close())
)
