import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { InvalidCursor, pageRequest } from "../kernel/Page.ts"
import { PlainText } from "../kernel/PlainText.ts"
import { Audited } from "./Audit.ts"
import { Alert, AlertId, AlertNotFound, AlertPage } from "./Alert.ts"
import { QueueMessage, QueueMessageNotFound, QueueMessagePage, QueueStatus } from "./Queue.ts"
import { SweepFailed, SweepStatus, UnknownSweep } from "./Sweep.ts"

const Name = PlainText(200)
const message = { queue: Name, id: Name }

/** What an operator does with what happens by itself: the queues of messages, the sweeps and the alerts. */
export class OperationsAdminRpcs extends RpcGroup.make(
  /** Counts every message: not for a loop. */
  Rpc.make("admin.queues.list", { success: Schema.Array(QueueStatus) })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "operations:administer"),
  Rpc.make("admin.queues.dead", {
    payload: {
      queue: Name,
      ...pageRequest
    },
    success: QueueMessagePage,
    error: InvalidCursor
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "operations:administer"),
  Rpc.make("admin.queues.show", {
    payload: message,
    success: QueueMessage,
    error: QueueMessageNotFound
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "operations:administer"),
  /** Gives a dead message all its attempts again. */
  Rpc.make("admin.queues.retry", { payload: message, error: QueueMessageNotFound })
    .annotate(Audited, "queue_message.retry")
    .annotate(RequiredPermission, "operations:administer"),
  /** The same for every dead message of the queue; answers with how many there were. */
  Rpc.make("admin.queues.retryAll", { payload: { queue: Name }, success: Schema.Int })
    .annotate(Audited, "queue_message.retry")
    .annotate(RequiredPermission, "operations:administer"),
  /** Gives a dead message up. */
  Rpc.make("admin.queues.drop", { payload: message, error: QueueMessageNotFound })
    .annotate(Audited, "queue_message.drop")
    .annotate(RequiredPermission, "operations:administer"),
  Rpc.make("admin.alerts.list", {
    payload: { ...pageRequest, isOpen: Schema.optionalKey(Schema.Boolean) },
    success: AlertPage,
    error: InvalidCursor
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "operations:administer"),
  /** Somebody takes care of it: no more reminders. */
  Rpc.make("admin.alerts.acknowledge", {
    payload: { id: AlertId },
    success: Alert,
    error: AlertNotFound
  })
    .annotate(Audited, "alert.acknowledge")
    .annotate(RequiredPermission, "operations:administer"),
  Rpc.make("admin.sweeps.list", { success: Schema.Array(SweepStatus) })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "operations:administer"),
  /** Runs a sweep now, to its end, beside whoever else runs it; answers with the number of items done. */
  Rpc.make("admin.sweeps.run", {
    payload: { name: Name },
    success: Schema.Int,
    error: Schema.Union([UnknownSweep, SweepFailed])
  })
    .annotate(Audited, "sweep.run")
    .annotate(RequiredPermission, "operations:administer")
).middleware(RpcAuthorization) {}
