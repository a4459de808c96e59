import { createHash } from "node:crypto"

/** The moment that all ids of the demo shop carry: 1 January 2026, UTC. */
export const demoEpoch = 1_767_225_600_000

/** A UUIDv7 that is the same for the same `name` on every machine, so that other parts can refer to the demo shop. */
export const demoId = (name: string) => {
  const time = demoEpoch.toString(16).padStart(12, "0")
  const hash = createHash("sha256").update(name).digest("hex")
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hash.slice(0, 3)}-8${hash.slice(3, 6)}-${hash.slice(6, 18)}`
}
