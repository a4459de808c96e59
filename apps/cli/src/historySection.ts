import { section } from "./Output.ts"
import type { Columns } from "@mall/platform/csv"

interface Change {
  readonly at: Date
  readonly actor: string | { readonly kind: string; readonly id: string | null }
  readonly reason: string | null
  readonly traceId: string | null
}

const nameOf = (actor: Change["actor"]) =>
  typeof actor === "string" ? actor : actor.id === null ? actor.kind : `${actor.kind} ${actor.id}`

/** What happened to one thing: when, what changed as `changed` shows it, who did it and why, and the trace that leads on. */
export const historySection = <A extends Change>(changed: Columns<A>, history: ReadonlyArray<A>) =>
  section<A>(
    "History, oldest first",
    {
      when: ({ at }) => at,
      ...changed,
      who: ({ actor }) => nameOf(actor),
      why: ({ reason }) => reason,
      trace: ({ traceId }) => traceId
    },
    history
  )
