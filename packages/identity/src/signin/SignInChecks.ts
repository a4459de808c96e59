import type { UserId } from "@mall/domain/identity/CurrentUser"
import { CodeInvalid, EmailCodeRequired, MfaRequired } from "@mall/domain/identity/IdentityError"
import type { EmailCode, EmailCodeReason } from "@mall/domain/identity/SignIn"
import type { Email } from "@mall/domain/identity/User"
import { smtpUrl } from "@mall/platform/mail/smtpUrl"
import { Config, Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import { EmailCodes } from "./EmailCodes.ts"
import type { KnownDevice } from "./KnownDevices.ts"
import { LoginRecords } from "./LoginRecords.ts"
import type { SecondProof } from "./SecondFactors.ts"
import { SecondFactors } from "./SecondFactors.ts"
import type { SessionProof } from "../tokens/SessionRepo.ts"

/** When a code by mail is asked for, each with what stands before it. */
const modes = ["off", "unusual", "new-device", "always"] as const

/** A login whose password is right. */
export interface PasswordLogin extends SecondProof {
  readonly userId: UserId
  readonly email: Email
  readonly deviceId: string | null
  readonly device: Option.Option<KnownDevice>
  readonly country: string | null
  readonly code: EmailCode | undefined
}

/** What the user has proved, and what is unusual about the place, of which the owner was not told yet. */
export interface Passed {
  readonly proof: SessionProof
  /** More than the password was proved. */
  readonly isStrong: boolean
  readonly untold: "new_country" | "impossible_travel" | undefined
}

/** Decides what a login needs beside the password. */
export class SignInChecks extends Context.Service<
  SignInChecks,
  {
    /** Why a login comes from an unusual place, if it does. */
    unusual(userId: UserId, country: string | null): Effect.Effect<"new_country" | "impossible_travel" | undefined>
    /** A second factor counts for more than a code by mail: who gave one is not asked for the other. */
    pass(login: PasswordLogin): Effect.Effect<Passed, MfaRequired | EmailCodeRequired | CodeInvalid>
    /** Registering: the code that was sent to the address, where one is asked for. */
    passRegistration(email: Email, code: EmailCode | undefined): Effect.Effect<void, EmailCodeRequired | CodeInvalid>
  }
>()("@mall/identity/signin/SignInChecks") {
  static readonly layerNoDeps = Layer.effect(
    SignInChecks,
    Effect.gen(function* () {
      const codes = yield* EmailCodes
      const factors = yield* SecondFactors
      const records = yield* LoginRecords
      // where no mail can be sent, a code that nobody can get would only lock people out
      const isMailed = Option.isSome(yield* smtpUrl)
      const mode = yield* Config.Literals(modes, "EMAIL_CODES").pipe(
        Config.withDefault<(typeof modes)[number]>(isMailed ? "unusual" : "off")
      )
      const travelTime = yield* Config.Duration("TRAVEL_TIME").pipe(Config.withDefault(Duration.hours(6)))

      const unusual = Effect.fn("SignInChecks.unusual")(function* (userId: UserId, country: string | null) {
        if (country === null) return undefined
        const { anywhere, here, lastAt, lastCountry } = yield* records.placesOf(userId, country)
        const now = DateTime.toEpochMillis(yield* DateTime.now)
        const isFast = lastAt !== null && now - lastAt.getTime() < Duration.toMillis(travelTime)
        if (lastCountry !== null && lastCountry !== country && isFast) return "impossible_travel"
        return anywhere && !here ? "new_country" : undefined
      })

      const reasonFor = (
        oddity: EmailCodeReason | undefined,
        device: Option.Option<KnownDevice>
      ): EmailCodeReason | undefined => {
        if (mode === "off") return undefined
        if (oddity !== undefined) return oddity
        if (mode === "always") return "every_login"
        const isTrusted = Option.exists(device, ({ isTrusted }) => isTrusted)
        return mode === "new-device" && !isTrusted ? "new_device" : undefined
      }

      const pass = Effect.fn("SignInChecks.pass")(function* (
        login: PasswordLogin
      ): Effect.fn.Return<Passed, MfaRequired | EmailCodeRequired | CodeInvalid> {
        const oddity = yield* unusual(login.userId, login.country)
        if (yield* factors.isEnabled(login.userId)) {
          if (login.totp === undefined && login.recoveryCode === undefined) return yield* new MfaRequired({})
          if (!(yield* factors.verify(login.userId, login))) return yield* new CodeInvalid({})
          return { proof: "mfa", isStrong: true, untold: oddity }
        }
        const reason = reasonFor(oddity, login.device)
        if (reason === undefined) return { proof: "password", isStrong: false, untold: oddity }
        if (login.code === undefined) return yield* new EmailCodeRequired({ reason })
        const { deviceId, email } = login
        if (!(yield* codes.redeem({ email, purpose: "login", deviceId }, login.code))) return yield* new CodeInvalid({})
        return { proof: "password", isStrong: true, untold: undefined }
      })

      const passRegistration = Effect.fn("SignInChecks.passRegistration")(function* (
        email: Email,
        code: EmailCode | undefined
      ) {
        if (mode === "off" || mode === "unusual") return
        if (code === undefined) return yield* new EmailCodeRequired({ reason: "registration" })
        if (!(yield* codes.redeem({ email, purpose: "register", deviceId: null }, code))) {
          return yield* new CodeInvalid({})
        }
      })

      return SignInChecks.of({ unusual, pass, passRegistration })
    })
  )
}
