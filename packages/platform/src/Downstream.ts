import { Cause, Clock, Duration, Effect, Exit, Metric, Ref, References, Schedule, Semaphore, Stream } from "effect"
import type { Config, Scope } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { CallFailed, DownstreamUnavailable } from "./DownstreamError.ts"
import * as DownstreamPolicy from "./DownstreamPolicy.ts"

export interface CallOptions {
  /** What is asked for, from a small fixed set: it is a label of metrics and the key of a breaker. */
  readonly operation: string
  /**
   * Doing it twice is as doing it once: it only reads, or it carries an idempotency key. Without this only an attempt that
   * certainly had no effect is repeated.
   */
  readonly isRepeatable?: boolean
  /** Instead of the policy's. */
  readonly timeout?: Duration.Input
}

export interface Downstream {
  readonly policy: DownstreamPolicy.Policy
  /** Of the breaker of `operation`, from memory or the store that processes share. A store that is down says `Closed`. */
  readonly state: (operation: string) => Effect.Effect<CircuitBreaker.State>
  /**
   * Calls under the policy: attempts with a timeout, inside a retry, inside the operation's circuit breaker, inside the
   * downstream's bulkhead. `attempt` fails with `CallFailed` where there was no usable answer; its other errors are
   * answers, which pass untouched, are not retried and count as a healthy downstream. To fall back on another provider,
   * use `ExecutionPlan`, or catch `DownstreamUnavailable` where `mayHaveHappened` is false.
   */
  readonly call: <A, E, R>(
    attempt: Effect.Effect<A, E, R>,
    options: CallOptions
  ) => Effect.Effect<A, Exclude<E, CallFailed> | DownstreamUnavailable, R>
}

const requests = (name: string, operation: string, outcome: string) =>
  Metric.counter("downstream_requests_total", { incremental: true, attributes: { name, operation, outcome } })
const duration = (name: string, operation: string) =>
  Metric.histogram("downstream_request_duration_seconds", {
    attributes: { name, operation },
    boundaries: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
  })
const breakerState = (name: string, operation: string) =>
  Metric.gauge("circuit_breaker_state", { attributes: { name, operation } })
const stateValue = { Closed: 0, HalfOpen: 1, Open: 2 } as const

/** Nobody answered in time. */
class TimedOut extends CallFailed {}

/**
 * The one policy for calls that leave the house, made once per downstream and living as long as its scope. `own` are the
 * defaults of this downstream; configuration (`DOWNSTREAM_<NAME>_TIMEOUT` …) goes before them. An `instance` shares the name's
 * policy and counters and has breakers and a bulkhead of its own; the gauge of breakers shows the one without an instance.
 */
export const make = Effect.fnUntraced(function* (
  name: string,
  own: Partial<DownstreamPolicy.Policy> = {},
  instance?: string
): Effect.fn.Return<Downstream, Config.ConfigError, CircuitBreaker.CircuitBreakerStore | Scope.Scope> {
  const policy = yield* DownstreamPolicy.read(name, own)
  const turns = yield* Semaphore.make(policy.maxConcurrent)
  let inside = 0
  const prefix = instance === undefined ? name : `${name}.${instance}`
  const keyOf = (operation: string) => `${prefix}.${operation}`
  const showState = (operation: string, state: keyof typeof stateValue) =>
    instance === undefined ? Metric.update(breakerState(name, operation), stateValue[state]) : Effect.void
  const breaker = yield* CircuitBreaker.make({
    tripPolicy: CircuitBreaker.consecutive(policy.breakerFailures),
    openDuration: Schedule.min([Schedule.exponential(policy.breakerOpen), Schedule.spaced(policy.breakerLongest)])
  })
  yield* breaker.transitions.pipe(
    Stream.runForEach(({ key, to }) => {
      const operation = key.slice(prefix.length + 1)
      return Effect.andThen(
        showState(operation, to),
        Effect.logWarning("A circuit breaker changed", { downstream: prefix, operation, to })
      )
    }),
    Effect.forkScoped({ startImmediately: true })
  )

  const unavailable = (
    operation: string,
    reason: DownstreamUnavailable["reason"],
    rest: { readonly isRetryable: boolean; readonly mayHaveHappened: boolean; readonly cause?: unknown }
  ) => new DownstreamUnavailable({ downstream: name, operation, reason, ...rest })

  const bulkhead =
    (operation: string) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | DownstreamUnavailable, R> =>
      Effect.suspend((): Effect.Effect<A, E | DownstreamUnavailable, R> => {
        if (inside >= policy.maxConcurrent + policy.maxQueued) {
          return Effect.fail(unavailable(operation, "bulkhead", { isRetryable: true, mayHaveHappened: false }))
        }
        inside++
        return Effect.ensuring(
          turns.withPermit(effect),
          Effect.sync(() => inside--)
        )
      })

  const attempts = Effect.fnUntraced(function* <A, E, R>(attempt: Effect.Effect<A, E, R>, options: CallOptions) {
    const mayHaveHappened = yield* Ref.make(false)
    return yield* attempt.pipe(
      Effect.timeoutOrElse({
        duration: options.timeout ?? policy.timeout,
        orElse: () =>
          Effect.fail(new TimedOut({ isRetryable: true, mayHaveHappened: true, cause: new Cause.TimeoutError() }))
      }),
      Effect.tapError((error) =>
        error instanceof CallFailed && error.mayHaveHappened ? Ref.set(mayHaveHappened, true) : Effect.void
      ),
      Effect.retry({
        while: (error) =>
          error instanceof CallFailed && error.isRetryable && (options.isRepeatable === true || !error.mayHaveHappened),
        schedule: Schedule.exponential(policy.retryDelay).pipe(Schedule.jittered),
        times: policy.maxAttempts - 1
      }),
      Effect.catchIf(
        (error): error is Extract<E, CallFailed> | TimedOut => error instanceof CallFailed,
        (error) =>
          Effect.flatMap(Ref.get(mayHaveHappened), (isUnknown) =>
            Effect.fail(
              unavailable(options.operation, error instanceof TimedOut ? "timeout" : "failed", {
                isRetryable: error.isRetryable,
                mayHaveHappened: isUnknown,
                cause: error.cause
              })
            )
          )
      )
    )
  })

  const guarded =
    (operation: string) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      breaker
        .execute(effect, {
          key: keyOf(operation),
          classify: (exit) => healthOf(exit)
        })
        .pipe(
          // A store that is down lets calls through; it says so itself, once, not at every call.
          Effect.provideService(References.UnhandledLogLevel, "Debug"),
          Effect.catchIf(
            (error): error is Extract<E, CircuitBreaker.CircuitBreakerError> | CircuitBreaker.CircuitBreakerError =>
              error instanceof CircuitBreaker.CircuitBreakerError,
            (error) =>
              Effect.fail(
                unavailable(operation, "open", { isRetryable: true, mayHaveHappened: false, cause: error.reason })
              )
          )
        )

  const measured =
    (operation: string) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.flatMap(Clock.currentTimeMillis, (startedAt) =>
        Effect.onExit(effect, (exit) =>
          Effect.gen(function* () {
            yield* Metric.update(requests(name, operation, outcomeOf(exit)), 1)
            yield* Metric.update(duration(name, operation), ((yield* Clock.currentTimeMillis) - startedAt) / 1000)
          })
        )
      )

  const known = new Set<string>()
  const introduce = (operation: string) =>
    Effect.suspend(() => {
      if (known.has(operation)) return Effect.void
      known.add(operation)
      return showState(operation, "Closed")
    })

  return {
    policy,
    state: (operation) =>
      Effect.orElseSucceed(breaker.state(keyOf(operation)), (): CircuitBreaker.State => ({
        _tag: "Closed",
        key: keyOf(operation)
      })),
    call: (attempt, options) =>
      introduce(options.operation).pipe(
        Effect.andThen(attempts(attempt, options)),
        guarded(options.operation),
        bulkhead(options.operation),
        measured(options.operation),
        Effect.withSpan(`${name}.${options.operation}`, {
          kind: "client",
          attributes: { "downstream.name": name, "downstream.operation": options.operation }
        })
      )
  }
})

/** An answer is a sign of health whatever it says; a defect is ours and says nothing, and neither does a caller who waits no longer. */
const healthOf = (exit: Exit.Exit<unknown, unknown>) => {
  if (Exit.isSuccess(exit)) return CircuitBreaker.success
  if (Cause.hasDies(exit.cause) || Cause.hasInterruptsOnly(exit.cause)) return CircuitBreaker.ignored
  return Cause.squash(exit.cause) instanceof DownstreamUnavailable ? CircuitBreaker.failure() : CircuitBreaker.success
}

const outcomeOf = (exit: Exit.Exit<unknown, unknown>) => {
  if (Exit.isSuccess(exit)) return "ok"
  if (Cause.hasInterruptsOnly(exit.cause)) return "interrupted"
  const error = Cause.squash(exit.cause)
  if (error instanceof DownstreamUnavailable) return error.reason
  return Cause.hasDies(exit.cause) ? "defect" : "refused"
}
