import type { ProductId } from "@mall/domain/catalog/Catalog"
import { Context } from "effect"
import type { Effect } from "effect"
import type { SqlError } from "effect/sql"

/**
 * Tells every process's caches what has changed. Called inside the transaction of the change: nothing is told where it
 * rolls back, and the caches of this process have forgotten the old state when the transaction's caller goes on.
 */
export class CatalogChanges extends Context.Service<
  CatalogChanges,
  {
    productsChanged(ids: ReadonlyArray<ProductId>): Effect.Effect<void, SqlError.SqlError>
    categoriesChanged: Effect.Effect<void, SqlError.SqlError>
  }
>()("@mall/catalog/CatalogChanges") {}
