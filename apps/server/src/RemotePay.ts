import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as PaymentGatewayRpc from "@mall/client/PaymentGatewayRpc"
import { generator } from "@mall/domain/kernel/Id"
import { PaymentGateway, PaymentId, PaymentsUnavailable } from "@mall/domain/payments/PaymentGateway"
import { CallFailed, DownstreamUnavailable } from "@mall/platform/DownstreamError"
import * as Downstream from "@mall/platform/Downstream"
import { Readiness } from "@mall/platform/http/Readiness"
import { Cause, Config, Duration, Effect, FileSystem, Layer, Option, Schedule } from "effect"
import { createSecureContext } from "node:tls"
import * as Settings from "./Settings.ts"

const newPaymentId = generator(PaymentId)

const named = (name: string) =>
  Effect.map(Config.option(Config.NonEmptyString(name)), (set) => Option.map(set, (file) => ({ name, file })))

/** What the first file holds that is set. */
const contentOf = Effect.fnUntraced(function* (...settings: ReadonlyArray<ReturnType<typeof named>>) {
  const fs = yield* FileSystem.FileSystem
  const set = Option.firstSomeOf(yield* Effect.all(settings))
  if (Option.isNone(set)) return undefined
  const reason = `The file ${set.value.file} of ${set.value.name} cannot be read.`
  return yield* Effect.mapError(fs.readFileString(set.value.file), () => new Settings.UnusableSettings({ reason }))
})

/** Shows the certificate of this service where there is one: its own for this, else the one that it serves with. */
const client = Layer.unwrap(
  Effect.gen(function* () {
    const cert = yield* contentOf(named("PAYMENTS_RPC_CERT_FILE"), named("TLS_CERT_FILE"))
    const key = yield* contentOf(named("PAYMENTS_RPC_KEY_FILE"), named("TLS_KEY_FILE"))
    const ca = yield* contentOf(named("PAYMENTS_RPC_CA_FILE"))
    const tls = {
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(ca === undefined ? {} : { ca })
    }
    yield* Effect.try({
      try: () => createSecureContext(tls),
      catch: () =>
        new Settings.UnusableSettings({
          reason:
            "The files by which the pay platform is called are no certificate, its key and an authority: see PAYMENTS_RPC_CERT_FILE."
        })
    })
    return NodeHttpClient.layerNodeHttpOptions({ keepAlive: true, ...tls })
  })
)

/**
 * Calls of the other process under `DOWNSTREAM_PAYMENTS_…`. Those that cost it a statement have a breaker of their own and are
 * given up before `PAYMENT_LOOKUP_TIMEOUT` is over, so that what is said of a silent pay platform is said by the breaker.
 */
const policy = Effect.gen(function* () {
  const downstream = yield* Downstream.make("payments", {
    // longer than the pay platform waits for a channel
    timeout: Duration.seconds(30),
    retryDelay: Duration.millis(50),
    breakerFailures: 2,
    breakerOpen: Duration.seconds(1),
    // a probe costs next to nothing, and the mall sells nothing until one is answered
    breakerLongest: Duration.seconds(5)
  })
  const given = yield* Config.Duration("PAYMENT_LOOKUP_TIMEOUT").pipe(Config.withDefault(Duration.seconds(3)))
  const lookup = Duration.divideUnsafe(given, downstream.policy.maxAttempts + 1)

  const settled: PaymentGatewayRpc.Policy = {
    call: (attempt, kind) =>
      downstream
        .call(
          Effect.mapError(
            attempt,
            ({ cause, isRetryable }) => new CallFailed({ isRetryable, mayHaveHappened: isRetryable, cause })
          ),
          { operation: kind, isRepeatable: true, timeout: kind === "lookup" ? lookup : downstream.policy.timeout }
        )
        .pipe(
          Effect.mapError(
            (error) => new PaymentGatewayRpc.Unanswered({ isRetryable: error.isRetryable, cause: error.cause ?? error })
          )
        ),
    // Not even where a probe is due: that is the watch's, and no buyer's order.
    ready: Effect.flatMap(downstream.state("lookup"), (state) => {
      if (state._tag === "Closed") return Effect.void
      const pause = state._tag === "Open" ? Duration.toSeconds(state.retryAfter) : 0
      return Effect.fail(new PaymentsUnavailable({ retryAfterSeconds: Math.max(1, Math.ceil(pause)) }))
    })
  }
  return settled
})

/** Nobody was asked. */
const isOpen = (failure: unknown) => failure instanceof DownstreamUnavailable && failure.reason === "open"

/** Asks for a payment that does not exist, at intervals: what is learned opens and closes the breaker, also while nobody buys. */
const watch = Layer.effectDiscard(
  Effect.gen(function* () {
    const gateway = yield* PaymentGateway
    const every = yield* Config.Duration("PAYMENTS_RPC_WATCH_INTERVAL").pipe(Config.withDefault(Duration.seconds(2)))
    yield* Effect.flatMap(newPaymentId, (id) => gateway.find([id])).pipe(
      Effect.tapCause((cause) =>
        isOpen(Cause.squash(cause)) ? Effect.void : Effect.logWarning("The pay platform does not answer", cause)
      ),
      Effect.exit,
      Effect.withTracerEnabled(false),
      Effect.repeat(Schedule.spaced(every)),
      Effect.forkScoped
    )
  })
)

/** The port `PaymentGateway`, served by another process. Needs the store of circuit breakers and `FileSystem`. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { remotePay } = yield* Settings.running
    if (remotePay === undefined) return yield* new Settings.UnusableSettings({ reason: "PAYMENTS_RPC_URL is not set." })
    return watch.pipe(Layer.provideMerge(PaymentGatewayRpc.layer({ ...remotePay, policy: yield* policy })))
  })
).pipe(Layer.provide(client))

/** Probes show whether the pay platform is there; goods are shown without it, so the mall is ready in either case. */
export const layerReadiness = Layer.effectDiscard(
  Effect.gen(function* () {
    const readiness = yield* Readiness
    const gateway = yield* PaymentGateway
    yield* readiness.register("payments", gateway.ready, { required: false })
  })
)
