import {
  AlreadyBlocked,
  BlockExpired,
  BlockId,
  BlockListFull,
  BlockNotFound,
  OwnAddressBlocked
} from "@mall/domain/identity/Block"
import type { Block, BlockKind, NewBlock } from "@mall/domain/identity/Block"
import * as IpNetwork from "@mall/domain/kernel/IpNetwork"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Gate } from "@mall/platform/http/Gate"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Clock, Config, Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { BlockRepo } from "./BlockRepo.ts"
import { NetworkSet } from "./NetworkSet.ts"

const cursor = cursorOf(BlockId)

/** Addresses that were found in no network are remembered until the lists change: most requests come from few. */
const maxRemembered = 20_000

/** Who blocks: `author` as the history names them, and the address their request came from, where there is one. */
export interface Blocker {
  readonly author: string
  readonly ip: string | undefined
}

/**
 * Networks and devices that are kept out, in memory. `IdentityListener` has the lists read anew when another process changed
 * them. Users are not blocked but banned (`UserAdministration`).
 */
export class Blocks extends Context.Service<
  Blocks,
  {
    /** Without I/O: it is asked at every request. */
    isLetIn(ip: string, deviceId: string | undefined): boolean
    isDeviceBlocked(deviceId: string): boolean
    /** The same `id` again is answered with what it made. */
    add(
      id: BlockId,
      block: NewBlock,
      by: Blocker
    ): Effect.Effect<Block, AlreadyBlocked | BlockExpired | BlockListFull | OwnAddressBlocked>
    /** A block that has expired is no more. */
    remove(id: BlockId, reason: string, by: Blocker): Effect.Effect<Block, BlockNotFound>
    /** Newest first; those in force unless all are asked for. */
    list(query: {
      readonly limit?: number
      readonly after?: string
      readonly kind?: BlockKind
      readonly state?: "active" | "all"
    }): Effect.Effect<Page<Block>, InvalidCursor>
    /** Reads all that are in force. */
    readonly reload: Effect.Effect<void, SqlError>
    /** Reads one that changed. */
    refresh(id: BlockId): Effect.Effect<void, SqlError>
  }
>()("@mall/identity/blocks/Blocks") {
  static readonly layerNoDeps = Layer.effect(
    Blocks,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* BlockRepo
      const audit = yield* makeAuditRecorder
      const clock = yield* Clock.Clock
      const limit = yield* Config.Int("BLOCK_LIST_LIMIT").pipe(Config.withDefault(10_000))

      let networks = new NetworkSet()
      let devices = new Map<string, number>()
      const outside = new Set<string>()

      const apply = (block: Block) => {
        const until = block.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY
        const isOver = block.removedAt !== null
        if (block.kind === "device") {
          if (isOver) devices.delete(block.subject)
          else devices.set(block.subject, until)
          return
        }
        const network = IpNetwork.parseNetwork(block.subject)
        if (network === undefined) return
        if (isOver) networks.delete(network)
        else networks.set(network, until)
      }

      const reload = Effect.gen(function* () {
        const blocks = yield* repo.inForce(yield* DateTime.nowAsDate)
        networks = new NetworkSet()
        devices = new Map()
        outside.clear()
        for (const block of blocks) apply(block)
      })
      yield* Effect.orDie(reload)

      const refresh = Effect.fn("Blocks.refresh")(function* (id: BlockId) {
        const changed = Option.getOrUndefined(yield* repo.find(id))
        if (changed === undefined) return
        // where one ended, another of the same subject may have begun
        const current = Option.getOrElse(yield* repo.findBySubject(changed.kind, changed.subject), () => changed)
        outside.clear()
        apply(current)
      })

      const isInNetwork = (ip: string) => {
        if (networks.isEmpty || outside.has(ip)) return false
        const address = IpNetwork.parseAddress(ip)
        if (address !== undefined && networks.has(address, clock.currentTimeMillisUnsafe())) return true
        if (outside.size >= maxRemembered) outside.clear()
        outside.add(ip)
        return false
      }
      const isDeviceBlocked = (deviceId: string) => {
        const until = devices.get(deviceId)
        return until !== undefined && clock.currentTimeMillisUnsafe() < until
      }

      const insert = Effect.fnUntraced(
        function* (id: BlockId, { expiresAt = null, kind, reason, subject }: NewBlock, author: string) {
          yield* repo.lock
          const done = yield* repo.find(id)
          if (Option.isSome(done)) return done.value
          const now = yield* DateTime.nowAsDate
          if (expiresAt !== null && expiresAt <= now) return yield* new BlockExpired({})
          const traceId = yield* currentTraceId
          const before = Option.getOrUndefined(yield* repo.findBySubject(kind, subject))
          if (before !== undefined) {
            if (before.expiresAt === null || before.expiresAt > now)
              return yield* new AlreadyBlocked({ blockId: before.id })
            yield* repo.end({ id: before.id, now, author: "system", reason: "expired", traceId })
          }
          if ((yield* repo.inForce(now)).length >= limit) return yield* new BlockListFull({ limit })
          const ended = { removedAt: null, removedBy: null, removalReason: null, removalTraceId: null }
          const block: Block = { id, kind, subject, reason, author, traceId, createdAt: now, expiresAt, ...ended }
          yield* repo.insert(block)
          if (kind === "device") yield* repo.endSessions(subject, now)
          yield* audit.record({
            action: "block.add",
            resource: { type: "block", id },
            reason,
            after: { kind, subject, expiresAt }
          })
          return block
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const add: Blocks["Service"]["add"] = Effect.fn("Blocks.add")(function* (id, block, { author, ip }) {
        const network = block.kind === "network" ? IpNetwork.parseNetwork(block.subject) : undefined
        const own = ip === undefined ? undefined : IpNetwork.parseAddress(ip)
        if (network !== undefined && own !== undefined && IpNetwork.contains(network, own)) {
          return yield* new OwnAddressBlocked({ network: block.subject })
        }
        const added = yield* insert(id, block, author)
        yield* Effect.orDie(refresh(id))
        return added
      })

      const remove = Effect.fn("Blocks.remove")(
        function* (id: BlockId, reason: string, { author }: Blocker) {
          const now = yield* DateTime.nowAsDate
          const ended = yield* repo.end({ id, now, author, reason, traceId: yield* currentTraceId })
          if (Option.isNone(ended)) return yield* new BlockNotFound({ blockId: id })
          const { kind, subject } = ended.value
          yield* audit.record({
            action: "block.remove",
            resource: { type: "block", id },
            reason,
            before: { kind, subject }
          })
          return ended.value
        },
        sql.withTransaction,
        Effect.tap(({ id }) => refresh(id)),
        Effect.catchTag("SqlError", Effect.die)
      )

      const list: Blocks["Service"]["list"] = Effect.fn("Blocks.list")(function* (query) {
        const size = query.limit ?? defaultLimit
        const before = query.after === undefined ? undefined : yield* cursor.decode(query.after)
        const activeAt = query.state === "all" ? undefined : yield* DateTime.nowAsDate
        const rows = yield* Effect.orDie(repo.list({ kind: query.kind, activeAt, before, limit: size + 1 }))
        return toPage(rows, size, ({ id }) => cursor.encode(id))
      })

      return Blocks.of({
        isLetIn: (ip, deviceId) => !isInNetwork(ip) && (deviceId === undefined || !isDeviceBlocked(deviceId)),
        isDeviceBlocked,
        add,
        remove,
        list,
        reload,
        refresh
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(BlockRepo.layer))

  /** The edge asks these lists whom it lets in. */
  static readonly layerGate = Layer.effect(
    Gate,
    Effect.map(Blocks, ({ isLetIn }) => isLetIn)
  )
}
