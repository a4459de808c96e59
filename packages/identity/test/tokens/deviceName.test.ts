import { assert, it } from "@effect/vitest"
import { deviceName } from "../../src/tokens/deviceName.ts"

const mozilla = "Mozilla/5.0"
const webkit = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

it("A device is named as people call it, by what its program says of itself", () => {
  const names: ReadonlyArray<readonly [string | null, string]> = [
    [`${mozilla} (Macintosh; Intel Mac OS X 10_15_7) ${webkit} Chrome/130.0 Safari/537.36`, "Chrome on macOS"],
    [`${mozilla} (Windows NT 10.0; Win64; x64) ${webkit} Chrome/130.0 Safari/537.36 Edg/130.0`, "Edge on Windows"],
    [`${mozilla} (iPhone; CPU iPhone OS 18_0 like Mac OS X) ${webkit} Version/18.0 Safari/604.1`, "Safari on iPhone"],
    [`${mozilla} (Linux; Android 14) ${webkit} Chrome/116 Safari/537.36 MicroMessenger/8.0`, "WeChat on Android"],
    [`${mozilla} (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0`, "Firefox on Linux"],
    ["MallApp/2.1 (iPad; iOS 18.0)", "MallApp on iPad"],
    ["curl/8.5.0", "curl"],
    ["node", "node"],
    ["<script>alert(1)</script>", "Unknown device"],
    ["", "Unknown device"],
    [null, "Unknown device"]
  ]
  for (const [userAgent, name] of names) assert.strictEqual(deviceName(userAgent), name)
})
