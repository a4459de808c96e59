import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import type { AlertId } from "@mall/domain/operations/Alert"
import { OperationsAdminRpcs } from "@mall/domain/operations/OperationsAdminRpcs"
import { Effect } from "effect"
import { Alerts } from "./alerts/Alerts.ts"
import type { AlertFilter } from "./alerts/Alerts.ts"
import { Queues } from "./Queues.ts"
import { Sweeps } from "./Sweeps.ts"

/** Serves `OperationsAdminRpcs`. Needs `Alerts`, `Queues` and `Sweeps`, with the sweeps that an operator may run registered. */
export const layer = OperationsAdminRpcs.toLayer(
  Effect.gen(function* () {
    const queues = yield* Queues
    const sweeps = yield* Sweeps
    const alerts = yield* Alerts
    const actor = CurrentUser.useSync(({ userId }) => `user:${userId}`)

    const listQueues = Effect.orDie(queues.list)
    const listSweeps = Effect.orDie(sweeps.list)
    const dead = Effect.fnUntraced(
      function* (queue: string, page: { readonly limit?: number; readonly after?: string }) {
        return yield* queues.dead(queue, page)
      },
      Effect.catchTag("SqlError", Effect.die)
    )
    const show = Effect.fnUntraced(
      function* (queue: string, id: string) {
        return yield* queues.show(queue, id)
      },
      Effect.catchTag("SqlError", Effect.die)
    )
    const retry = Effect.fnUntraced(
      function* (queue: string, id: string) {
        yield* queues.retry(queue, id, yield* actor)
      },
      Effect.catchTag("SqlError", Effect.die)
    )
    const retryAll = Effect.fnUntraced(function* (queue: string) {
      return yield* queues.retryAll(queue, yield* actor)
    }, Effect.orDie)
    const drop = Effect.fnUntraced(
      function* (queue: string, id: string) {
        yield* queues.drop(queue, id, yield* actor)
      },
      Effect.catchTag("SqlError", Effect.die)
    )

    const listAlerts = Effect.fnUntraced(
      function* (filter: AlertFilter) {
        return yield* alerts.list(filter)
      },
      Effect.catchTag("SqlError", Effect.die)
    )
    const acknowledge = Effect.fnUntraced(
      function* (id: AlertId) {
        return yield* alerts.acknowledge(id, yield* actor)
      },
      Effect.catchTag("SqlError", Effect.die)
    )

    return OperationsAdminRpcs.of({
      "admin.alerts.list": (filter) => listAlerts(filter),
      "admin.alerts.acknowledge": ({ id }) => acknowledge(id),
      "admin.queues.list": () => listQueues,
      "admin.queues.dead": ({ queue, ...page }) => dead(queue, page),
      "admin.queues.show": ({ id, queue }) => show(queue, id),
      "admin.queues.retry": ({ id, queue }) => retry(queue, id),
      "admin.queues.retryAll": ({ queue }) => retryAll(queue),
      "admin.queues.drop": ({ id, queue }) => drop(queue, id),
      "admin.sweeps.list": () => listSweeps,
      "admin.sweeps.run": ({ name }) => CurrentUser.use(({ userId }) => sweeps.run(name, `user:${userId}`))
    })
  })
)
