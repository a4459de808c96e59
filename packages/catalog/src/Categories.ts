import {
  CategoryCodeTaken,
  CategoryCycle,
  CategoryInUse,
  CategoryNotFound,
  CategoryTooDeep
} from "@mall/domain/catalog/CatalogError"
import { CategoryId, maxCategoryDepth } from "@mall/domain/catalog/Category"
import type { Category, CreateCategory, UpdateCategory } from "@mall/domain/catalog/Category"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { CatalogChanges } from "./CatalogChanges.ts"
import { categoryColumns, CategoryNode, pathStep, toCategory } from "./categoryRows.ts"
import { jsonText } from "./jsonText.ts"

/** The tree of categories, as it is in the database. Changes of it are made one at a time, so that no cycle can arise. */
export class Categories extends Context.Service<
  Categories,
  {
    /** Where a category with the id `operationId` exists, answers with it. */
    create(
      operationId: string,
      input: typeof CreateCategory.Type
    ): Effect.Effect<Category, CategoryNotFound | CategoryCodeTaken | CategoryTooDeep>
    /** A new parent takes the whole subtree along. */
    update(
      id: CategoryId,
      change: typeof UpdateCategory.Type
    ): Effect.Effect<Category, CategoryNotFound | CategoryCodeTaken | CategoryCycle | CategoryTooDeep>
    remove(id: CategoryId): Effect.Effect<void, CategoryNotFound | CategoryInUse>
  }
>()("@mall/catalog/Categories") {
  static readonly layer = Layer.effect(
    Categories,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const changes = yield* CatalogChanges

      const columns = sql.literal(categoryColumns)
      const selectOne = SqlSchema.findOne({
        Request: CategoryId,
        Result: CategoryNode,
        execute: (id) => sql`SELECT ${columns} FROM catalog.categories c WHERE c.id = ${id}`
      })
      const selectHeight = SqlSchema.findOne({
        Request: Schema.String,
        Result: Schema.Struct({ levels: Schema.Int }),
        execute: (path) => sql`
          SELECT (max(length(c.path)) - ${path.length}::int) / ${sql.literal(String(pathStep))} AS levels
          FROM catalog.categories c WHERE c.path ^@ ${path}::text`
      })
      const find = (id: CategoryId) =>
        selectOne(id).pipe(
          Effect.catchTags({
            NoSuchElementError: () => new CategoryNotFound({ categoryId: id }),
            SchemaError: Effect.die
          })
        )

      /** Foreign keys of products only share this table's rows and are not held up. */
      const lockTree = sql`LOCK TABLE catalog.categories IN SHARE ROW EXCLUSIVE MODE`
      const changeTree = <A, E>(work: Effect.Effect<A, E>) =>
        lockTree.pipe(
          Effect.andThen(work),
          Effect.tap(changes.categoriesChanged),
          sql.withTransaction,
          retryConflicts,
          Effect.catchTag("SqlError", Effect.die)
        )
      const audit = yield* makeAuditRecorder
      const resourceOf = (id: CategoryId) => ({ type: "category", id })
      const codeTaken = (code: string) => () => new CategoryCodeTaken({ categoryCode: code })

      const parentPath = Effect.fnUntraced(function* (parentId: CategoryId | null) {
        return parentId === null ? "" : (yield* find(parentId)).path
      })

      const requireDepth = Effect.fnUntraced(function* (depth: number) {
        if (depth > maxCategoryDepth) return yield* new CategoryTooDeep({ limit: maxCategoryDepth })
      })

      const create = Effect.fn("Categories.create")((operationId: string, input: typeof CreateCategory.Type) =>
        Effect.gen(function* () {
          const id = CategoryId.make(operationId)
          const parentId = input.parentId ?? null
          const path = `${yield* parentPath(parentId)}${id}/`
          yield* requireDepth(path.length / pathStep)
          const now = yield* DateTime.nowAsDate
          const made = yield* sql`
            INSERT INTO catalog.categories (id, parent_id, code, name, position, path, created_at, updated_at)
            VALUES (${id}, ${parentId}, ${input.code}, ${jsonText(input.name)}::jsonb, ${input.position ?? 0}, ${path},
              ${now}, ${now})
            ON CONFLICT (id) DO NOTHING
            RETURNING id`.pipe(Effect.catchReason("SqlError", "UniqueViolation", codeTaken(input.code)))
          const after = toCategory(yield* find(id))
          if (made.length > 0) yield* audit.record({ action: "category.create", resource: resourceOf(id), after })
          return after
        }).pipe(changeTree)
      )

      /** Gives the whole subtree of `node` its new place. */
      const move = Effect.fnUntraced(function* (node: CategoryNode, parentId: CategoryId | null) {
        const above = yield* parentPath(parentId)
        if (above.startsWith(node.path)) return yield* new CategoryCycle({ categoryId: node.id })
        const path = `${above}${node.id}/`
        const { levels } = yield* selectHeight(node.path).pipe(
          Effect.catchTags({ NoSuchElementError: Effect.die, SchemaError: Effect.die })
        )
        yield* requireDepth(path.length / pathStep + levels)
        yield* sql`
          UPDATE catalog.categories c SET path = ${path} || substr(c.path, ${node.path.length + 1}::int)
          WHERE c.path ^@ ${node.path}::text`
      })

      const update = Effect.fn("Categories.update")((id: CategoryId, change: typeof UpdateCategory.Type) =>
        Effect.gen(function* () {
          const node = yield* find(id)
          const next = { ...node, ...change }
          if (next.parentId !== node.parentId) yield* move(node, next.parentId)
          yield* sql`
            UPDATE catalog.categories SET parent_id = ${next.parentId}, code = ${next.code},
              name = ${jsonText(next.name)}::jsonb, position = ${next.position}, updated_at = ${yield* DateTime.nowAsDate}
            WHERE id = ${id}`.pipe(Effect.catchReason("SqlError", "UniqueViolation", codeTaken(next.code)))
          const after = toCategory(yield* find(id))
          const before = toCategory(node)
          yield* audit.record({ action: "category.update", resource: resourceOf(id), before, after })
          return after
        }).pipe(changeTree)
      )

      const remove = Effect.fn("Categories.remove")((id: CategoryId) =>
        Effect.gen(function* () {
          const before = toCategory(yield* find(id))
          // the row lock waits for products that are being put here and keeps new ones out
          yield* sql`SELECT 1 FROM catalog.categories WHERE id = ${id} FOR UPDATE`
          const removed = yield* sql`
            DELETE FROM catalog.categories c WHERE c.id = ${id}
              AND NOT EXISTS (SELECT 1 FROM catalog.categories child WHERE child.parent_id = c.id)
              AND NOT EXISTS (SELECT 1 FROM catalog.products p WHERE p.category_id = c.id AND p.status = 'published')
              AND NOT EXISTS (SELECT 1 FROM catalog.products p WHERE p.category_id = c.id AND p.status <> 'published')
            RETURNING c.id`
          if (removed.length === 0) return yield* new CategoryInUse({ categoryId: id })
          yield* audit.record({ action: "category.remove", resource: resourceOf(id), before })
        }).pipe(changeTree)
      )

      return Categories.of({ create, update, remove })
    })
  )
}
