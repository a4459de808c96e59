import { assert, layer } from "@effect/vitest"
import { AuditPage } from "@mall/domain/operations/Audit"
import { SealingResult } from "@mall/platform/sealing/PersonalDataSealing"
import { SealedCount } from "@mall/platform/sealing/tableSealer"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { CommandLine, decode } from "./CommandLine.ts"

/** Milliseconds; for what takes seconds on a machine with nothing else to do. */
const slow = 120_000

const mall = (...args: ReadonlyArray<string>) => CommandLine.use((line) => line.mall(...args))
const Counts = Schema.Array(SealedCount)

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "60 seconds" })("mall privacy", (it) => {
  it.effect(
    "tells what is in the clear and under which key, and seals it when an operator says why",
    () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* mall("privacy", "status")).out, "There is no personal data.")
        yield* mall("seed")
        const seeded = yield* decode(Counts, yield* mall("privacy", "status", "--json"))
        assert.isAbove(seeded.length, 0)
        assert.isTrue(seeded.every(({ state }) => state === "current"))

        const sql = yield* SqlClient.SqlClient
        yield* sql`
          INSERT INTO treasury.payout_accounts (id, merchant_id, currency, country, holder, masked_number,
            personal_data, personal_data_key, status, added_by, created_at)
          VALUES (gen_random_uuid(), gen_random_uuid(), 'EUR', 'DE', 'Vera', '***', '', 'lost', 'unverified', 'user:ann', now())`
        const lost = (yield* mall("privacy", "status")).out
        assert.match(lost, /treasury\.payout_accounts\s+lost\s+1\s+sealed by a key that is not here/)
        yield* sql`DELETE FROM treasury.payout_accounts`
        yield* sql`
          UPDATE identity.addresses SET personal_data = NULL, personal_data_key = '',
            recipient = 'Ann', phone = '1', street = 'Lane 1', postal_code = ''`
        const shown = (yield* mall("privacy", "status")).out
        assert.match(shown, /identity\.addresses\s+none\s+\d+\s+in the clear/)

        assert.strictEqual((yield* mall("privacy", "rotate", "--yes")).code, 2)
        assert.strictEqual((yield* mall("privacy", "rotate", "--reason", "yearly")).code, 2)
        const rotated = yield* mall("privacy", "rotate", "--reason", "yearly", "--yes", "--json")
        const { keyId, sealed, unreadable } = yield* decode(SealingResult, rotated)
        assert.isAbove(sealed, 0)
        assert.strictEqual(unreadable, 0)
        const after = yield* decode(Counts, yield* mall("privacy", "status", "--json"))
        assert.isTrue(after.every((count) => count.state === "current" && count.keyId === keyId))
        const { data } = yield* decode(
          AuditPage,
          yield* mall("audit", "show", "--action", "personal_data.reseal", "--json")
        )
        assert.deepStrictEqual(
          data.map(({ actor, reason, resource }) => [actor.id, reason, resource.id]),
          [["olga", "yearly", keyId]]
        )
      }),
    slow
  )
})
