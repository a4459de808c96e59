import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as process from "node:process"

/** The stand-ins that sign by RSA. */
const signers = ["alipay", "bank", "paypal", "wechatpay"]

const keysIn = (folder: string) =>
  signers.map((channel) => ({ channel, file: path.join(folder, "sandbox", channel, "platform.json") }))

const borrowKeys = (kept: string, folder: string) => {
  for (const { channel, file } of keysIn(folder)) {
    const source = path.join(kept, `${channel}.json`)
    if (!fs.existsSync(source)) continue
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    fs.copyFileSync(source, file)
  }
}

/** A file of keys appears whole, and the first one stays. */
const keepKeys = (kept: string, folder: string) => {
  for (const { channel, file } of keysIn(folder)) {
    const target = path.join(kept, `${channel}.json`)
    if (fs.existsSync(target) || !fs.existsSync(file)) continue
    const draft = path.join(kept, randomUUID())
    fs.copyFileSync(file, draft)
    fs.renameSync(draft, target)
  }
}

/**
 * A folder of the test's own to be `MALL_DATA_DIR`, gone with the scope. The sandbox in it begins with the RSA keys that
 * another test of this run had made, since making them is a third of what a start of the server takes.
 */
export const mallFolder = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mall-e2e-"))
    // an embedded database of root runs as another user, who has to get in
    fs.chmodSync(folder, 0o755)
    const kept = process.env["TEST_SANDBOX_KEYS"]
    if (kept !== undefined) borrowKeys(kept, folder)
    return folder
  }),
  (folder) =>
    Effect.sync(() => {
      const kept = process.env["TEST_SANDBOX_KEYS"]
      if (kept !== undefined) keepKeys(kept, folder)
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    })
)
