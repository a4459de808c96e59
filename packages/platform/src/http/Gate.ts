import { Context } from "effect"

/**
 * Who is let in at all, asked of every request before anything else is done for it: without I/O, by the client's address
 * and by what it calls its device. Everybody, unless a context that keeps block lists says otherwise.
 */
export const Gate = Context.Reference<(ip: string, deviceId: string | undefined) => boolean>(
  "@mall/platform/http/Gate",
  { defaultValue: () => () => true }
)
