import { assert, layer } from "@effect/vitest"
import { AuditHead, AuditPage, AuditVerification } from "@mall/domain/operations/Audit"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { CommandLine, decode } from "./CommandLine.ts"

/** Milliseconds; for what takes seconds on a machine with nothing else to do. */
const slow = 120_000

const mall = (...args: ReadonlyArray<string>) => CommandLine.use((line) => line.mall(...args))

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "60 seconds" })("mall audit", (it) => {
  it.effect(
    "shows what an operator did at the command line, and why",
    () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* mall("audit", "head")).out, "There is nothing in the chain.")
        yield* mall("seed")
        yield* mall("users", "ban", "buyer@demo.mall", "--reason", "stolen card", "--yes")
        yield* mall("keys", "rotate")
        const shown = yield* mall("audit", "show", "--actor", "olga", "--json")
        const { data } = yield* decode(AuditPage, shown)
        assert.deepStrictEqual(
          data.map(({ action, actor }) => [action, actor.kind, actor.id]),
          [
            ["signing_key.rotate", "operator", "olga"],
            ["user.ban", "operator", "olga"],
            ["order_expiry_rule.put", "operator", "olga"]
          ]
        )
        const ban = yield* mall("audit", "show", "--action", "user.ban")
        assert.include(ban.out, "stolen card")
        assert.notInclude(ban.out, "buyer@demo.mall")
        assert.strictEqual((yield* mall("audit", "show", "--actor", "otto")).out, "There are no such entries.")
        assert.strictEqual((yield* mall("audit", "show", "--action", "nothing")).code, 2)
      }),
    slow
  )

  it.effect(
    "verifies the chain, and names the first entry that is not as it was written",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        assert.strictEqual((yield* mall("sweep", "run", "audit_chain")).code, 0)
        yield* mall("sweep", "run", "audit_chain")
        const kept = (yield* mall("audit", "head")).out
        const head = yield* decode(Schema.NullOr(AuditHead), yield* mall("audit", "head", "--json"))
        assert.strictEqual(kept, `${head?.position}:${head?.hash}`)
        const whole = yield* decode(AuditVerification, yield* mall("audit", "verify", "--head", kept, "--json"))
        assert.deepStrictEqual([whole.broken, whole.head], [null, head])
        assert.strictEqual((yield* mall("audit", "verify", "--head", "1")).code, 2)

        yield* sql`ALTER TABLE platform.audit_entries DISABLE TRIGGER ALL`
        yield* sql`UPDATE platform.audit_entries SET actor_id = 'otto' WHERE action = 'user.ban'`
        const broken = yield* mall("audit", "verify")
        assert.strictEqual(broken.code, 1)
        assert.match(broken.err, /^The chain is broken at 2: entry \S+ is not what was written\.$/)
        assert.strictEqual((yield* mall("audit", "verify", "--from", "3")).code, 0)
      }),
    slow
  )
})
