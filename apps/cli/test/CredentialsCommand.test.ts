import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { mall, newId } from "./arrange.ts"
import { CommandLine } from "./CommandLine.ts"

layer(CommandLine.layer, { excludeTestServices: true, timeout: "60 seconds" })("mall credentials", (it) => {
  it.effect("erases secrets only after a yes", () =>
    Effect.gen(function* () {
      const act = ["credentials", "retire", yield* newId, "--reason", "not needed"]
      const asked = yield* mall(...act)
      assert.deepStrictEqual([asked.code, asked.out], [2, ""])
      assert.include(asked.err, "add --yes")
      const dashed = yield* mall(...act.slice(0, 3), "--reason", "-half of it is his", "--yes")
      assert.deepStrictEqual([dashed.code, dashed.out], [1, ""])
      const told = yield* mall(...act, "--yes")
      assert.deepStrictEqual([told.code, told.err], [1, "There are no such credentials."])
    })
  )
})
