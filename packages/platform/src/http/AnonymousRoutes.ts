import type { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { Context, Effect } from "effect"

export interface AnonymousRoutes {
  /** Whether a way in that is declared public (`GET /api/v1/products/:id`, `rpc products.get`) asks for a signed-in user all the same. */
  readonly isClosed: (way: string) => boolean
  /** Fails where the header `Authorization` holds no good token. */
  readonly signedIn: (authorization: string | undefined) => Effect.Effect<void, Unauthorized>
}

/** Which public ways in are closed to who is not signed in: none, unless a context that knows tokens says otherwise. */
export const AnonymousRoutes = Context.Reference<AnonymousRoutes>("@mall/platform/http/AnonymousRoutes", {
  defaultValue: () => ({ isClosed: () => false, signedIn: () => Effect.void })
})
