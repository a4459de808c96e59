import { assert, layer } from "@effect/vitest"
import { BlockId } from "@mall/domain/identity/Block"
import type { NewBlock } from "@mall/domain/identity/Block"
import { generator } from "@mall/domain/kernel/Id"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { DateTime, Duration, Effect, Layer, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { Blocks } from "../../src/blocks/Blocks.ts"
import { IdentityLayer } from "../../src/Identity.ts"
import { Logins } from "../../src/signin/Logins.ts"
import { login, origin, principalOf, registerUser, strongPassword, verify, withConfiguration } from "../fixture.ts"
import { ShiftedClock } from "../ShiftedClock.ts"

const newId = generator(BlockId)
const olga = { author: "operator:olga", ip: undefined }
const network = (subject: string, expiresAt: Date | null = null): NewBlock => ({
  kind: "network",
  subject,
  reason: "abuse",
  expiresAt
})
const device = (subject: string): NewBlock => ({ kind: "device", subject, reason: "stolen" })

const add = (block: NewBlock, by: Parameters<Blocks["Service"]["add"]>[2] = olga) =>
  Effect.flatMap(Effect.all([Blocks, newId]), ([blocks, id]) => blocks.add(id, block, by))

const settings = { BLOCK_LIST_LIMIT: "20" }

layer(withConfiguration(IdentityLayer, settings).pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })(
  "Blocks",
  (it) => {
    it.effect("keep out a network of either family, and let it in again once removed", () =>
      Effect.gen(function* () {
        const blocks = yield* Blocks
        const four = yield* add(network("198.51.100.0/24"))
        const six = yield* add(network("2001:db8:0:0:0:0:0:0/32"))
        const seen = (ip: string) => blocks.isLetIn(ip, undefined)
        assert.deepStrictEqual(["198.51.100.9", "198.51.101.9", "2001:db8::9", "2001:db9::9"].map(seen), [
          false,
          true,
          false,
          true
        ])
        assert.isTrue(seen("not an address"))
        const removed = yield* blocks.remove(four.id, "was a school", olga)
        assert.deepInclude(removed, { removedBy: "operator:olga", removalReason: "was a school" })
        assert.isTrue(seen("198.51.100.9"))
        assert.isFalse(seen("2001:db8::9"))
        yield* blocks.remove(six.id, "x", olga)
        assert.strictEqual((yield* Effect.flip(blocks.remove(six.id, "x", olga)))._tag, "BlockNotFound")
        const all = yield* blocks.list({ state: "all", kind: "network" })
        assert.deepStrictEqual(
          all.data.map(({ id }) => id),
          [six.id, four.id]
        )
        assert.deepStrictEqual((yield* blocks.list({})).data, [])
      })
    )

    it.effect("end by themselves at their time, and may then be made again", () =>
      Effect.gen(function* () {
        const blocks = yield* Blocks
        const clock = yield* ShiftedClock
        const soon = DateTime.toDateUtc(DateTime.add(yield* DateTime.now, { minutes: 5 }))
        yield* add(network("192.0.2.1/32", soon))
        assert.isFalse(blocks.isLetIn("192.0.2.1", undefined))
        assert.strictEqual((yield* Effect.flip(add(network("192.0.2.1/32"))))._tag, "AlreadyBlocked")
        yield* clock.advance(Duration.minutes(6))
        assert.isTrue(blocks.isLetIn("192.0.2.1", undefined))
        assert.strictEqual((yield* Effect.flip(add(network("192.0.2.2/32", soon))))._tag, "BlockExpired")
        const again = yield* add(network("192.0.2.1/32"))
        assert.isFalse(blocks.isLetIn("192.0.2.1", undefined))
        yield* blocks.remove(again.id, "x", olga)
      })
    )

    it.effect("refuse a network that holds the caller's own address", () =>
      Effect.gen(function* () {
        const by = { author: "user:1", ip: "203.0.113.7" }
        assert.strictEqual((yield* Effect.flip(add(network("203.0.113.0/24"), by)))._tag, "OwnAddressBlocked")
        const own = add(network("203.0.113.7/32"), { ...by, ip: "::ffff:203.0.113.7" })
        assert.strictEqual((yield* Effect.flip(own))._tag, "OwnAddressBlocked")
        assert.isTrue((yield* Blocks).isLetIn("203.0.113.7", undefined))
      })
    )

    it.effect("keep out a device: its header, its sessions and its logins", () =>
      Effect.gen(function* () {
        const blocks = yield* Blocks
        const logins = yield* Logins
        const user = yield* registerUser
        const withDevice = (deviceId: string) =>
          logins.login({ email: user.email, password: strongPassword, deviceId }, origin)
        const [stolen, kept, other] = [yield* withDevice("d-stolen"), yield* withDevice("d-kept"), yield* login(user)]
        // of before devices were sealed
        const before = yield* withDevice("d-before")
        const sql = yield* SqlClient.SqlClient
        yield* sql`
          UPDATE identity.sessions SET device_id = 'd-stolen', device_digest = NULL
          WHERE id = ${(yield* principalOf(before)).sessionId}`
        const block = yield* add(device("d-stolen"))
        assert.isFalse(blocks.isLetIn("203.0.113.7", "d-stolen"))
        assert.isTrue(blocks.isLetIn("203.0.113.7", "d-kept"))
        assert.strictEqual((yield* Effect.flip(withDevice("d-stolen")))._tag, "CallerBlocked")
        // the end of a session is heard of, which takes a moment
        for (const { accessToken } of [stolen, before]) {
          yield* Effect.retry(Effect.flip(verify(accessToken)), Schedule.spaced("10 millis"))
        }
        yield* verify(kept.accessToken)
        yield* verify(other.accessToken)
        yield* blocks.remove(block.id, "found", olga)
        yield* withDevice("d-stolen")
      })
    )

    it.effect("are made once, however often and by however many they are asked for", () =>
      Effect.gen(function* () {
        const blocks = yield* Blocks
        const id = yield* newId
        const once = blocks.add(id, device("d-once"), olga)
        assert.deepStrictEqual(yield* once, yield* once)
        const outcomes = yield* Effect.all(
          Array.from({ length: 5 }, () =>
            Effect.match(add(device("d-race")), { onFailure: ({ _tag }): string => _tag, onSuccess: () => "added" })
          ),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(outcomes.sort(), [...Array<string>(4).fill("AlreadyBlocked"), "added"])
      })
    )

    it.effect("are no more than the limit", () =>
      Effect.gen(function* () {
        const fill = Effect.forEach(
          Array.from({ length: 30 }, (_, index) => index),
          (index) => add(network(`198.18.0.${index}/32`))
        )
        assert.strictEqual((yield* Effect.flip(fill))._tag, "BlockListFull")
      })
    )
  }
)
