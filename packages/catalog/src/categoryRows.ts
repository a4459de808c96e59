import { Category } from "@mall/domain/catalog/Category"
import type { CategoryId } from "@mall/domain/catalog/Category"
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql"

/** An id and its slash: how much longer a path is at each level of the tree. */
export const pathStep = 37

export const CategoryNode = Schema.Struct({ ...Category.fields, path: Schema.String })
export type CategoryNode = typeof CategoryNode.Type

export const toCategory = (node: CategoryNode) => new Category(node)

/** Every category after its parent; siblings by position, then by code. */
const inTreeOrder = (nodes: ReadonlyArray<CategoryNode>): ReadonlyArray<Category> => {
  const childrenOf = Map.groupBy(
    nodes.toSorted((a, b) => a.position - b.position || (a.code < b.code ? -1 : 1)),
    (node) => node.parentId
  )
  const walk = (parentId: CategoryId | null): ReadonlyArray<Category> =>
    (childrenOf.get(parentId) ?? []).flatMap((node) => [toCategory(node), ...walk(node.id)])
  return walk(null)
}

/** Of the table under the name `c`. */
export const categoryColumns = `c.id, c.parent_id, c.code, c.name, c.position, c.path, length(c.path) / ${pathStep} AS depth`

const decode = Schema.decodeUnknownEffect(Schema.Array(CategoryNode))

/** The whole tree: every category after its parent, siblings by position. */
export const readCategories = (sql: SqlClient.SqlClient) =>
  sql`SELECT ${sql.literal(categoryColumns)} FROM catalog.categories c`.pipe(
    Effect.flatMap(decode),
    Effect.map(inTreeOrder),
    Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
  )
