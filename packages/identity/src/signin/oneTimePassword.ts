import { Redacted } from "effect"
import { Secret, TOTP } from "otpauth"

/** What every authenticator assumes: RFC 6238 with SHA-1, six digits, thirty seconds. */
const period = 30
/** Steps before and after the present one, for clocks that differ. */
const window = 1

export const secretBytes = 20

const totpOf = (secret: Uint8Array<ArrayBuffer>) => new TOTP({ secret: new Secret({ buffer: secret.buffer }), period })

/** The time step that the password belongs to, if it is one of the present. */
export const stepOf = (secret: Uint8Array, password: Redacted.Redacted, now: Date): number | undefined => {
  const delta = totpOf(Uint8Array.from(secret)).validate({
    token: Redacted.value(password),
    timestamp: now.getTime(),
    window
  })
  return delta === null ? undefined : Math.floor(now.getTime() / 1000 / period) + delta
}

/** What an authenticator takes: the secret in base 32, and the same as an `otpauth:` address. */
export const enrolmentOf = (secret: Uint8Array, { issuer, label }: { issuer: string; label: string }) => {
  const key = new Secret({ buffer: Uint8Array.from(secret).buffer })
  return { secret: key.base32, uri: new TOTP({ secret: key, period, issuer, label }).toString() }
}

export const recoveryCodeBytes = 8

/** Sixty random bits as twelve letters and digits: `abcd-efgh-ij23`. */
export const recoveryCodeOf = (bytes: Uint8Array) => {
  const text = new Secret({ buffer: Uint8Array.from(bytes).buffer }).base32.toLowerCase()
  return [text.slice(0, 4), text.slice(4, 8), text.slice(8, 12)].join("-")
}

export const normalRecoveryCode = (code: Redacted.Redacted) => Redacted.value(code).replaceAll("-", "").toLowerCase()
