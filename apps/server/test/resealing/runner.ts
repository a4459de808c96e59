import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { DocumentRepo } from "@mall/merchants/kyc/DocumentRepo"
import { ObjectStore } from "@mall/platform/objects/ObjectStore"
import { PersonalDataSealing } from "@mall/platform/sealing/PersonalDataSealing"
import * as Sql from "@mall/platform/Sql"
import { Config, Context, Effect, Layer } from "effect"
import * as process from "node:process"
import { plainStore, resealer } from "./papers.ts"

const settings = Config.all({
  folder: Config.String("MALL_DATA_DIR"),
  keys: Config.String("PERSONAL_DATA_KEYS"),
  url: Config.Redacted("DATABASE_URL"),
  moment: Config.String("DIE_AT")
})

/** The store and the rows of papers, with which the process is gone at `moment`, when it comes to the third paper. */
const dying = (moment: string) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const store = yield* ObjectStore
      const repo = yield* DocumentRepo
      let papers = 0
      const dieAt = (name: string) =>
        Effect.sync(() => (name === moment && papers >= 3 ? process.kill(process.pid, "SIGKILL") : undefined))
      return Context.make(
        ObjectStore,
        ObjectStore.of({
          ...store,
          put: (key, bytes) =>
            Effect.sync(() => (papers += 1)).pipe(
              Effect.andThen(dieAt("noted")),
              Effect.andThen(store.put(key, bytes)),
              Effect.andThen(dieAt("put"))
            )
        })
      ).pipe(
        Context.add(
          DocumentRepo,
          DocumentRepo.of({
            ...repo,
            replaceContent: (document, content) => Effect.tap(repo.replaceContent(document, content), dieAt("replaced"))
          })
        )
      )
    })
  ).pipe(Layer.provide(plainStore))

/** Seals every paper anew in a process of its own. */
Effect.gen(function* () {
  const { folder, keys, moment, url } = yield* settings
  yield* PersonalDataSealing.use((sealing) => sealing.sweep(100)).pipe(
    Effect.provide(resealer({ folder, keys }, dying(moment)).pipe(Layer.provide(Sql.layerUrl(url))))
  )
}).pipe(NodeRuntime.runMain)
