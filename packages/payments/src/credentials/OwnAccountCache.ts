import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { CredentialId } from "@mall/domain/payments/ChannelCredentials"
import * as PushedCache from "@mall/platform/PushedCache"
import { Cause, Context, Duration, Effect, Layer, Option, Scope } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Channel, VerifiedCallback } from "../channel/Channel.ts"
import type { Making } from "../channel/Making.ts"
import { channelSet } from "../channel/Channels.ts"
import type { MerchantChannels, OwnChannels } from "../channel/Channels.ts"
import { PlatformChannels } from "../channel/PlatformChannels.ts"
import { CredentialKeys } from "./CredentialKeys.ts"
import { CredentialRepo } from "./CredentialRepo.ts"
import type { CredentialRow } from "./CredentialRepo.ts"
import { makeAdapterPool } from "./adapterPool.ts"

/** Merchants whose accounts a process keeps ready. */
const capacity = 10_000
/** How old accounts can be where the announcement of a change was lost. */
const timeToLive = Duration.minutes(1)

/**
 * Ids of events and nonces are the channel's, within one account: whose own they are becomes a part of them, so that a merchant
 * who signs with a secret of their own takes no id away from another's notices.
 */
const within = (merchantId: MerchantId, verified: VerifiedCallback): VerifiedCallback => ({
  ...verified,
  eventId: `${merchantId}/${verified.eventId}`,
  nonce: verified.nonce === null ? null : `${merchantId}/${verified.nonce}`
})

const ownedBy = ({ id: credentialId, merchantId }: CredentialRow, channel: Channel): Channel => ({
  ...channel,
  own: { merchantId, credentialId },
  parseCallback: (callback) => Effect.map(channel.parseCallback(callback), (verified) => within(merchantId, verified))
})

/**
 * The adapters of merchants' own accounts. A change of credentials counts in every process as soon as it is announced. Credentials
 * that cannot be read stop their channel for their merchant: the money never goes to another account than the merchant chose.
 */
export class OwnAccountCache extends Context.Service<
  OwnAccountCache,
  OwnChannels & {
    /** To be called in the transaction of every change of the merchant's credentials. */
    changed(merchantId: MerchantId): Effect.Effect<void, SqlError>
  }
>()("@mall/payments/credentials/OwnAccountCache") {
  static readonly layerNoDeps = Layer.effect(
    OwnAccountCache,
    Effect.gen(function* () {
      const keys = yield* CredentialKeys
      const repo = yield* CredentialRepo
      const { definitions, set: platform } = yield* PlatformChannels
      const surroundings = yield* Effect.context<Exclude<Making, Scope.Scope>>()
      const pool = yield* makeAdapterPool<CredentialId, Channel>()

      const make = Effect.fnUntraced(function* (row: CredentialRow, bytes: Uint8Array) {
        const own = definitions.find(({ id }) => id === row.channel)?.own
        const opened = yield* keys.open({ keyId: row.keyId, bytes }, row)
        if (own === undefined || Option.isNone(opened)) return Option.none<Channel>()
        const made = yield* own.make(opened.value, row.merchantId)
        return Option.some(ownedBy(row, made))
      })

      /**
       * The adapter of a version, or none with a report of it. What a failure says may hold secrets, and is not told: only
       * of which kind it was.
       */
      const adapterOf = (row: CredentialRow): Effect.Effect<Option.Option<Channel>> => {
        const { sealed } = row
        return sealed === null
          ? Effect.succeedNone
          : pool.get(row.id, Effect.provideContext(make(row, sealed), surroundings)).pipe(
              Effect.tap((adapter) => (Option.isNone(adapter) ? reportUnusable(row) : Effect.void)),
              Effect.catchCause((cause) =>
                Cause.hasInterrupts(cause)
                  ? Effect.interrupt
                  : Effect.as(Effect.annotateLogs(reportUnusable(row), { failure: kindOf(cause) }), Option.none())
              )
            )
      }

      const channelsOf = Effect.fnUntraced(function* (rows: ReadonlyArray<CredentialRow>) {
        const adapters = new Map<CredentialId, Channel>()
        for (const row of rows) {
          const adapter = yield* adapterOf(row)
          if (Option.isSome(adapter)) adapters.set(row.id, adapter.value)
        }
        return assemble(rows, adapters)
      })

      /** In the order of the registry. */
      const assemble = (rows: ReadonlyArray<CredentialRow>, adapters: ReadonlyMap<CredentialId, Channel>) => {
        const current = new Map(
          rows.filter(({ supersededAt }) => supersededAt === null).map((row) => [row.channel as string, row])
        )
        const set = channelSet(
          definitions.flatMap(({ id }) => {
            const row = current.get(id)
            const channel = row === undefined ? Option.getOrUndefined(platform.find(id)) : adapters.get(row.id)
            return channel === undefined ? [] : [channel]
          })
        )
        const ownAt = (channel: string) =>
          rows.flatMap((row) => (row.channel === channel ? (adapters.get(row.id) ?? []) : []))
        /** Of a retired version the account may go on: others with the same account stand in for it. */
        const successorOf = (id: CredentialId) => {
          const retired = rows.find((row) => row.id === id)
          const successor = rows.find(
            (row) => row.channel === retired?.channel && row.account === retired.account && adapters.has(row.id)
          )
          return successor === undefined ? undefined : adapters.get(successor.id)
        }
        const channels: MerchantChannels = {
          ...set,
          madeWith: (channel, id) =>
            id === null ? platform.find(channel) : Option.fromUndefinedOr(adapters.get(id) ?? successorOf(id)),
          own: ownAt
        }
        return channels
      }

      const cache = yield* PushedCache.make<MerchantId, MerchantChannels, SqlError, never>({
        channel: "channel_credentials",
        capacity,
        timeToLive,
        lookup: Effect.fnUntraced(function* (merchants) {
          const rows = Map.groupBy(yield* repo.findAll(merchants), ({ merchantId }) => merchantId)
          const found = new Map<MerchantId, MerchantChannels>()
          // also of merchants without any, so that `peek` knows that there are none
          for (const merchantId of merchants) found.set(merchantId, yield* channelsOf(rows.get(merchantId) ?? []))
          return found
        })
      })

      return OwnAccountCache.of({
        get: (merchantId) =>
          cache
            .get(merchantId)
            .pipe(
              Effect.flatMap(Option.match({ onNone: () => channelsOf([]), onSome: Effect.succeed })),
              Effect.catchTag("SqlError", Effect.die)
            ),
        peek: cache.peek,
        changed: (merchantId) => cache.invalidate([merchantId])
      })
    })
  )
}

const kindOf = (cause: Cause.Cause<unknown>) => {
  const failure = Cause.squash(cause)
  return failure instanceof Error ? failure.name : typeof failure
}

const reportUnusable = ({ channel, id, keyId, merchantId }: CredentialRow) =>
  Effect.logError("A merchant's credentials cannot be used: their key is not here, or they are damaged").pipe(
    Effect.annotateLogs({ merchantId, channel, credentialId: id, keyId })
  )
