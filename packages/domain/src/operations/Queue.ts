import { Schema } from "effect"
import { Page } from "../kernel/Page.ts"
import { Problem } from "../kernel/Problem.ts"

/**
 * Where a message stands: `delayed` until its time, `waiting` to be taken, `running` in a handler, `completed` (kept for a
 * while so that a repeated id is known), or `dead` after its last attempt, until an operator retries or drops it.
 */
export const MessageState = Schema.Literals(["delayed", "waiting", "running", "completed", "dead"])
export type MessageState = typeof MessageState.Type

/** One queue, `<topic>.<subscriber>`, with its messages counted by state. */
export class QueueStatus extends Schema.Class<QueueStatus>("QueueStatus")({
  queue: Schema.String,
  delayed: Schema.Int,
  waiting: Schema.Int,
  running: Schema.Int,
  completed: Schema.Int,
  dead: Schema.Int,
  /** Since when the message that waits longest could have been taken. */
  oldestWaitingSince: Schema.NullOr(Schema.Date)
}) {}

/** One message of one queue. `content` is the stored JSON as it is, also where it cannot be read as a message. */
export class QueueMessage extends Schema.Class<QueueMessage>("QueueMessage")({
  queue: Schema.String,
  id: Schema.String,
  state: MessageState,
  attempts: Schema.Int,
  content: Schema.String,
  lastFailure: Schema.NullOr(Schema.String),
  publishedAt: Schema.Date,
  /** When it may be taken, or could last be. */
  visibleAt: Schema.Date,
  updatedAt: Schema.Date
}) {}

export const QueueMessagePage = Page(QueueMessage)

/** The queue holds no such message, or it is not dead, so there is nothing to retry or drop. */
export class QueueMessageNotFound extends Problem<QueueMessageNotFound>()("QueueMessageNotFound", {
  status: 404,
  title: "The queue holds no such message",
  fields: { queue: Schema.String, messageId: Schema.String }
}) {}
