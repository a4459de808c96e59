import * as Sweep from "@mall/platform/Sweep"
import { Effect, Layer } from "effect"
import type { Context } from "effect"
import { EmailCodes } from "./signin/EmailCodes.ts"
import { KnownDevices } from "./signin/KnownDevices.ts"
import { LoginRecords } from "./signin/LoginRecords.ts"
import { LoginThrottle } from "./signin/LoginThrottle.ts"
import { RequestNonces } from "./machines/RequestNonces.ts"
import { ProviderRepo } from "./providers/ProviderRepo.ts"
import { SentMails } from "./signin/SentMails.ts"
import { Sessions } from "./tokens/Sessions.ts"

const batchLimit = 1_000

interface Purging {
  purge(limit: number): Effect.Effect<number>
}

const sweepOf = <I, S extends Purging>(name: string, service: Context.Key<I, S>) =>
  Sweep.layer({
    name,
    every: "10 minutes",
    limit: batchLimit,
    batch: (limit) => Effect.flatMap(service, (store) => store.purge(limit))
  })

/**
 * What identity cleans up: sessions that ended long ago (`SESSION_RETENTION`), the history of sign-ins
 * (`LOGIN_HISTORY_RETENTION`), and counters, codes, devices, nonces, sign-ins by providers and notes of sent mails that have run out.
 */
export const layer = Layer.mergeAll(
  sweepOf("ended_sessions", Sessions),
  sweepOf("login_throttles", LoginThrottle),
  sweepOf("login_history", LoginRecords),
  sweepOf("email_codes", EmailCodes),
  sweepOf("known_devices", KnownDevices),
  sweepOf("sent_mails", SentMails),
  sweepOf("request_nonces", RequestNonces),
  sweepOf("provider_sign_ins", ProviderRepo).pipe(Layer.provide(ProviderRepo.layer))
)
