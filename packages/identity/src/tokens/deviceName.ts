/** The first that matches counts: what is built on another engine names that too. */
const programs: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bMicroMessenger\//, "WeChat"],
  [/\bAlipayClient\//, "Alipay"],
  [/\bEdg(?:A|iOS)?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bChrome\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"]
]
const systems: ReadonlyArray<readonly [RegExp, string]> = [
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"]
]

const nameIn = (names: ReadonlyArray<readonly [RegExp, string]>, text: string) =>
  names.find(([pattern]) => pattern.test(text))?.[1]

/** What people call the device that a client says to be: `Chrome on macOS`. A program that is none of these goes by its own name. */
export const deviceName = (userAgent: string | null): string => {
  const text = userAgent ?? ""
  const program = nameIn(programs, text) ?? /^[A-Za-z][\w.-]{0,31}(?=\/|$)/.exec(text)?.[0]
  const system = nameIn(systems, text)
  if (program === undefined) return system ?? "Unknown device"
  return system === undefined ? program : `${program} on ${system}`
}
