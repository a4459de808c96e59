import { randomBytes } from "node:crypto"

const safe = /^[\w.:+=@/-]{1,128}$/

// Unique among processes by its random start, within one by counting.
const start = randomBytes(6).toString("base64url")
let count = 0

/** The caller's own `X-Request-Id` where it can be shown and logged as it is, else a new one. */
export const requestIdOf = (header: string | undefined) =>
  header !== undefined && safe.test(header) ? header : `${start}-${(++count).toString(36)}`
