import * as PgClient from "@effect/sql-pg/PgClient"
import { ApiKeyId } from "@mall/domain/identity/ApiKey"
import { BlockId } from "@mall/domain/identity/Block"
import { SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { ServiceTokenId } from "@mall/domain/identity/ServiceToken"
import { Cause, Config, Duration, Effect, Layer, Option, Queue, Schedule, Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { Blocks } from "./blocks/Blocks.ts"
import { Keys } from "./tokens/Keys.ts"
import { ApiKeyMemory } from "./machines/ApiKeyMemory.ts"
import { Policies } from "./policy/Policies.ts"
import { Revocations } from "./tokens/Revocations.ts"
import { ServiceTokenMemory } from "./services/ServiceTokenMemory.ts"

/** Where the triggers of the tables of `identity` tell what changed. */
const channel = "identity_changes"

const Change = Schema.TemplateLiteralParser(["u ", UserId, " ", Schema.FiniteFromString])
const decodeVersion = Schema.decodeUnknownOption(Change)
const decodePolicy = Schema.decodeUnknownOption(
  Schema.TemplateLiteralParser(["casbin_policy_updated ", Schema.FiniteFromString])
)
const decodeBlock = Schema.decodeUnknownOption(Schema.TemplateLiteralParser(["b ", BlockId]))
const decodeApiKey = Schema.decodeUnknownOption(Schema.TemplateLiteralParser(["a ", ApiKeyId]))
const decodeServiceToken = Schema.decodeUnknownOption(Schema.TemplateLiteralParser(["t ", ServiceTokenId]))
const decodeSession = Schema.decodeUnknownOption(Schema.TemplateLiteralParser(["s ", SessionId]))

/**
 * Keeps `Revocations`, `Keys`, `Policies`, `Blocks`, `ApiKeyMemory` and `ServiceTokenMemory` current: hears every change as it
 * commits, reads everything anew whenever it (re)connects, and again at an interval, which bounds how long a silently dead connection
 * can go unnoticed. Holds one connection.
 */
export const layer: Layer.Layer<
  never,
  Config.ConfigError,
  PgClient.PgClient | Revocations | Keys | Policies | Blocks | ApiKeyMemory | ServiceTokenMemory
> = Layer.effectDiscard(
  Effect.gen(function* () {
    const pg = yield* PgClient.PgClient
    const revocations = yield* Revocations
    const keys = yield* Keys
    const policies = yield* Policies
    const blocks = yield* Blocks
    const apiKeys = yield* ApiKeyMemory
    const serviceTokens = yield* ServiceTokenMemory
    const interval = yield* Config.Duration("REVOCATION_RELOAD_INTERVAL").pipe(Config.withDefault(Duration.seconds(10)))

    const receive = Effect.fnUntraced(function* (payload: string): Effect.fn.Return<void, SqlError> {
      const apiKey = decodeApiKey(payload)
      if (Option.isSome(apiKey)) return apiKeys.forget(apiKey.value[1])
      const session = decodeSession(payload)
      if (Option.isSome(session)) return revocations.endSession(session.value[1])
      const user = decodeVersion(payload)
      if (Option.isSome(user)) return revocations.raiseVersion(user.value[1], user.value[3])
      if (Option.isSome(decodePolicy(payload))) return yield* policies.reload
      const block = decodeBlock(payload)
      if (Option.isSome(block)) return yield* blocks.refresh(block.value[1])
      if (Option.isSome(decodeServiceToken(payload))) return yield* serviceTokens.reload
      yield* keys.reload
    })

    const reload = Effect.all(
      [
        revocations.reload,
        keys.reload,
        policies.reload,
        blocks.reload,
        serviceTokens.reload,
        Effect.sync(apiKeys.forgetAll)
      ],
      { discard: true }
    )
    const setConnected = (connected: boolean) => {
      revocations.setConnected(connected)
      apiKeys.setConnected(connected)
      serviceTokens.setConnected(connected)
    }

    const listen = Effect.gen(function* () {
      const notifications = yield* pg.listen(channel)
      // after the subscription: a change is either in what is read now, or will be heard of
      yield* reload
      setConnected(true)
      const hear = Effect.forever(Effect.flatMap(Queue.take(notifications), ({ payload }) => receive(payload)))
      const refresh = Effect.repeat(Effect.delay(reload, interval), Schedule.forever)
      yield* Effect.all([hear, refresh], { concurrency: 2, discard: true })
    }).pipe(
      Effect.scoped,
      Effect.ensuring(Effect.sync(() => setConnected(false))),
      Effect.tapCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.logWarning("Not hearing of ended sessions: tokens are checked in the database meanwhile", cause)
      )
    )

    yield* Effect.retry(Effect.sandbox(listen), Schedule.spaced("200 millis").pipe(Schedule.jittered)).pipe(
      Effect.forkScoped
    )
  })
)
