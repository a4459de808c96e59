import * as Sweep from "@mall/platform/Sweep"
import { Effect, Layer } from "effect"
import { LoginThrottle } from "./LoginThrottle.ts"
import { RequestNonces } from "./machines/RequestNonces.ts"
import { ProviderRepo } from "./providers/ProviderRepo.ts"
import { Sessions } from "./Sessions.ts"

const batchLimit = 1_000

/** What identity cleans up: sessions that ended long ago (`SESSION_RETENTION`), login counters, nonces and sign-ins that have run out. */
export const layer = Layer.mergeAll(
  Sweep.layer({
    name: "ended_sessions",
    every: "10 minutes",
    limit: batchLimit,
    batch: (limit) => Effect.flatMap(Sessions, (sessions) => sessions.purge(limit))
  }),
  Sweep.layer({
    name: "login_throttles",
    every: "10 minutes",
    limit: batchLimit,
    batch: (limit) => Effect.flatMap(LoginThrottle, (throttle) => throttle.purge(limit))
  }),
  Sweep.layer({
    name: "request_nonces",
    every: "5 minutes",
    limit: batchLimit,
    batch: (limit) => Effect.flatMap(RequestNonces, (nonces) => nonces.purge(limit))
  }),
  Sweep.layer({
    name: "provider_sign_ins",
    every: "10 minutes",
    limit: batchLimit,
    batch: (limit) => Effect.flatMap(ProviderRepo, (signIns) => signIns.purge(limit))
  }).pipe(Layer.provide(ProviderRepo.layer))
)
