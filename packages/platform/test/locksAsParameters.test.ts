import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { Statement } from "effect/sql"
import { randomUUID } from "node:crypto"
import { locksAsParameters } from "../src/locksAsParameters.ts"

const compiler = locksAsParameters(PgClient.makeCompiler((name) => name))

const settled = (lock: string) =>
  Statement.fragment([
    Statement.literal("UPDATE outbox SET state = 'completed' WHERE sequence = "),
    Statement.parameter(7),
    Statement.literal(" AND acquired_by = "),
    Statement.literal(`'${lock}'`)
  ])

describe("locksAsParameters", () => {
  it("makes one statement of those that differ in their lock", () => {
    const [one, other] = [randomUUID(), randomUUID()]
    const expected = "UPDATE outbox SET state = 'completed' WHERE sequence = $1 AND acquired_by = $2::uuid"
    for (const bare of [compiler, compiler.withoutTransform]) {
      assert.deepStrictEqual(bare.compile(settled(one), false), [expected, [7, one]])
      assert.deepStrictEqual(bare.compile(settled(other), true), [expected, [7, other]])
    }
  })

  it("leaves all that is no lock as it is written", () => {
    const text = "SELECT 'pending', '0f' WHERE true"
    assert.deepStrictEqual(compiler.compile(Statement.fragment([Statement.literal(text)]), false), [text, []])
  })
})
