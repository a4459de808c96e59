import type { Principal } from "@mall/domain/identity/CurrentUser"

/** Who acts, as the history and the books name them. */
export const actorOf = ({ userId }: Principal) => `user:${userId}`
