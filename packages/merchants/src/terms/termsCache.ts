/** Merchants whose terms are kept in memory, of each kind. */
export const capacity = 50_000

/** Changes are pushed: this bounds how old they are where a notification was lost, and is less than the least lead of a change. */
export const timeToLive = "30 seconds"
