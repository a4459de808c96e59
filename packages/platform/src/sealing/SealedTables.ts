import { Effect, Layer } from "effect"
import { PersonalDataKeys } from "./PersonalDataKeys.ts"
import type { PersonalDataTable } from "./PersonalDataTable.ts"
import { SealedData } from "./SealedData.ts"
import { makeTableSealer } from "./tableSealer.ts"

/** Registers tables that hold personal data. Needs `SealedData`, and `SqlClient` with the rights on them. */
export const layer = (tables: ReadonlyArray<PersonalDataTable>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const data = yield* SealedData
      yield* Effect.forEach(tables, (table) => Effect.flatMap(makeTableSealer(table), data.register))
    })
  ).pipe(Layer.provide(PersonalDataKeys.layer))
