import { CategoryId, maxCategoryDepth } from "@mall/domain/catalog/Category"
import type { Category } from "@mall/domain/catalog/Category"
import { assert, layer } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { Categories } from "../src/Categories.ts"
import { Products } from "../src/Products.ts"
import { Storefront } from "../src/Storefront.ts"
import { CatalogTest, makeCategory, nextId, publishProduct, text } from "./support/CatalogTest.ts"

layer(CatalogTest, { excludeTestServices: true })("Categories", (it) => {
  it.effect("lists every category after its parent, siblings by position, and shows changes at once", () =>
    Effect.gen(function* () {
      const categories = yield* Categories
      const storefront = yield* Storefront
      const root = yield* makeCategory()
      const second = yield* categories.create(yield* nextId, {
        parentId: root.id,
        code: "second",
        name: text("Second"),
        position: 2
      })
      const first = yield* categories.create(yield* nextId, {
        parentId: root.id,
        code: "first",
        name: text("First"),
        position: 1
      })
      const leaf = yield* makeCategory(second.id)
      const family = new Set([root, first, second, leaf].map(({ id }) => id))
      const listed = (yield* storefront.categories).data.filter(({ id }) => family.has(id))
      assert.deepStrictEqual(
        listed.map(({ depth, id }) => [id, depth]),
        [
          [root.id, 1],
          [first.id, 2],
          [second.id, 2],
          [leaf.id, 3]
        ]
      )
      yield* categories.update(first.id, { position: 3, name: text("Last") })
      const again = (yield* storefront.categories).data.filter(({ id }) => family.has(id))
      assert.deepStrictEqual(
        again.map(({ id }) => id),
        [root.id, second.id, leaf.id, first.id]
      )
      assert.strictEqual((yield* storefront.category(first.id)).name.en, "Last")
    })
  )

  it.effect("answers a repeated operation with the category it made", () =>
    Effect.gen(function* () {
      const categories = yield* Categories
      const id = yield* nextId
      const input = { code: `tea-${id}`, name: text("Tea") }
      const racing = yield* Effect.all([categories.create(id, input), categories.create(id, input)], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(racing[0], racing[1])
    })
  )

  it.effect("refuses a code that is taken and a parent that is not there", () =>
    Effect.gen(function* () {
      const categories = yield* Categories
      const { code, id } = yield* makeCategory()
      const taken = yield* Effect.flip(categories.create(yield* nextId, { code, name: text("Copy") }))
      assert.strictEqual(taken._tag, "CategoryCodeTaken")
      const other = yield* makeCategory()
      assert.strictEqual((yield* Effect.flip(categories.update(other.id, { code })))._tag, "CategoryCodeTaken")
      const nowhere = CategoryId.make(yield* nextId)
      const orphan = yield* Effect.flip(categories.update(id, { parentId: nowhere }))
      assert.strictEqual(orphan._tag, "CategoryNotFound")
    })
  )

  it.effect("moves a whole subtree, and never below itself", () =>
    Effect.gen(function* () {
      const categories = yield* Categories
      const storefront = yield* Storefront
      const [left, right] = [yield* makeCategory(), yield* makeCategory()]
      const branch = yield* makeCategory(left.id)
      const leaf = yield* makeCategory(branch.id)
      yield* categories.update(branch.id, { parentId: right.id })
      const { product } = yield* publishProduct({ categoryId: leaf.id })
      const idsIn = (category: Category) =>
        Effect.map(storefront.products({ category: category.id }), ({ data }) => data.map(({ id }) => id))
      assert.deepStrictEqual(yield* idsIn(right), [product.id])
      assert.deepStrictEqual(yield* idsIn(left), [])
      const below = yield* Effect.flip(categories.update(right.id, { parentId: leaf.id }))
      assert.strictEqual(below._tag, "CategoryCycle")
      assert.strictEqual((yield* Effect.flip(categories.update(leaf.id, { parentId: leaf.id })))._tag, "CategoryCycle")
    })
  )

  it.effect("lets two moves that would make a cycle together not both happen", () =>
    Effect.gen(function* () {
      const categories = yield* Categories
      const [a, b] = [yield* makeCategory(), yield* makeCategory()]
      const exits = yield* Effect.all(
        [
          Effect.exit(categories.update(a.id, { parentId: b.id })),
          Effect.exit(categories.update(b.id, { parentId: a.id }))
        ],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
    })
  )

  it.effect("keeps the tree within its depth, also when a subtree moves", () =>
    Effect.gen(function* () {
      const categories = yield* Categories
      let deepest = yield* makeCategory()
      for (let depth = 2; depth <= maxCategoryDepth; depth++) deepest = yield* makeCategory(deepest.id)
      assert.strictEqual(deepest.depth, maxCategoryDepth)
      const name = text("Too deep")
      const created = yield* Effect.flip(
        categories.create(yield* nextId, { parentId: deepest.id, code: "too-deep", name })
      )
      assert.strictEqual(created._tag, "CategoryTooDeep")
      const root = yield* makeCategory()
      yield* makeCategory(root.id)
      const moved = yield* Effect.flip(categories.update(root.id, { parentId: deepest.parentId }))
      assert.strictEqual(moved._tag, "CategoryTooDeep")
    })
  )

  it.effect("does not delete what holds categories or products, archived ones included", () =>
    Effect.gen(function* () {
      const categories = yield* Categories
      const products = yield* Products
      const root = yield* makeCategory()
      const leaf = yield* makeCategory(root.id)
      const { product, seller } = yield* publishProduct({ categoryId: leaf.id })
      assert.strictEqual((yield* Effect.flip(categories.remove(root.id)))._tag, "CategoryInUse")
      assert.strictEqual((yield* Effect.flip(categories.remove(leaf.id)))._tag, "CategoryInUse")
      yield* products.archive(seller, product.id)
      assert.strictEqual((yield* Effect.flip(categories.remove(leaf.id)))._tag, "CategoryInUse")
      const elsewhere = yield* makeCategory()
      yield* categories.remove(elsewhere.id)
      assert.strictEqual((yield* Effect.flip(categories.remove(elsewhere.id)))._tag, "CategoryNotFound")
    })
  )

  it.effect("leaves no product without a category when both race", () =>
    Effect.gen(function* () {
      const categories = yield* Categories
      const storefront = yield* Storefront
      for (let round = 0; round < 5; round++) {
        const { id } = yield* makeCategory()
        const [removed, published] = yield* Effect.all(
          [Effect.exit(categories.remove(id)), Effect.exit(publishProduct({ categoryId: id }))],
          { concurrency: "unbounded" }
        )
        assert.notStrictEqual(Exit.isSuccess(removed), Exit.isSuccess(published))
        if (Exit.isSuccess(published)) yield* storefront.category(id)
      }
    })
  )
})
